// Logits -> probabilities -> the best k classes.
#ifndef SISKIN_SERVER_PIPELINE_TOP_K_H_
#define SISKIN_SERVER_PIPELINE_TOP_K_H_

#include <vector>

#include "absl/types/span.h"

namespace siskin::pipeline {

struct ScoredClass {
  int index = 0;
  float probability = 0;
};

// Numerically stable softmax; `probabilities` has the size of `logits` and may be the same span.
void Softmax(absl::Span<const float> logits, absl::Span<float> probabilities);

// The min(k, size) most probable classes, best first; ties go to the lower index. k >= 1. Sorts
// only what it returns.
std::vector<ScoredClass> TopK(absl::Span<const float> logits, int k);

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_TOP_K_H_
