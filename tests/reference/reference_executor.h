// A naive interpreter of graphs in double precision, the judge of rewrites and plans: loops as in
// the definition of each operator, no blocking, no library.
#ifndef SISKIN_TESTS_REFERENCE_REFERENCE_EXECUTOR_H_
#define SISKIN_TESTS_REFERENCE_REFERENCE_EXECUTOR_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "ops/graph.h"

namespace siskin::testing {

// The output of `graph` for one image, [channels, height, width]. REQUIRES: valid and bound.
std::vector<double> Evaluate(const ops::Graph& graph, absl::Span<const float> image);

// The same for several images, one after the other.
std::vector<double> EvaluateAll(const ops::Graph& graph, absl::Span<const float> images);

// `count` values in [-1, 1) that depend on `seed` alone.
std::vector<float> RandomValues(size_t count, uint64_t seed);

// max |a - b| / max |b|: the error measure of the golden tests.
template <typename A, typename B>
double RelativeError(const A& actual, const B& expected) {
  double difference = 0, scale = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double a = actual[i], b = expected[i];
    difference = std::max(difference, a > b ? a - b : b - a);
    scale = std::max(scale, b < 0 ? -b : b);
    if (a != a) return 1e30;  // NaN compares false above and must not pass for equal
  }
  return scale == 0 ? difference : difference / scale;
}

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_REFERENCE_REFERENCE_EXECUTOR_H_
