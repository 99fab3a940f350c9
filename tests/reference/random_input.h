// The images that tests/reference/export_goldens.py feeds its networks with.
#ifndef SISKIN_TESTS_REFERENCE_RANDOM_INPUT_H_
#define SISKIN_TESTS_REFERENCE_RANDOM_INPUT_H_

#include <vector>

#include "ops/graph.h"

namespace siskin::testing {

// `count` images of `shape`, values in [-1, 1), the same for every network.
std::vector<float> GoldenImages(const ops::Shape& shape, int count);

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_REFERENCE_RANDOM_INPUT_H_
