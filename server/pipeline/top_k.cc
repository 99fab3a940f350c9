#include "server/pipeline/top_k.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>

namespace siskin::pipeline {
namespace {

// Not a number counts as less likely than anything.
float Rank(float logit) {
  return std::isnan(logit) ? -std::numeric_limits<float>::infinity() : logit;
}

float MaxRank(absl::Span<const float> logits) {
  float max = -std::numeric_limits<float>::infinity();
  for (const float logit : logits) max = std::max(max, Rank(logit));
  return max;
}

// exp(logit - max), also for infinite logits, whose difference would not be a number.
float Weight(float logit, float max) {
  if (std::isnan(logit)) return 0;
  return logit == max ? 1 : std::exp(logit - max);
}

float SumOfWeights(absl::Span<const float> logits, float max) {
  double sum = 0;
  for (const float logit : logits) sum += Weight(logit, max);
  return sum > 0 ? static_cast<float>(sum) : 1;  // 0: nothing but NaN
}

}  // namespace

void Softmax(absl::Span<const float> logits, absl::Span<float> probabilities) {
  const float max = MaxRank(logits);
  const float sum = SumOfWeights(logits, max);
  for (size_t i = 0; i < logits.size(); ++i) probabilities[i] = Weight(logits[i], max) / sum;
}

std::vector<ScoredClass> TopK(absl::Span<const float> logits, int k) {
  const auto better = [&](int a, int b) {
    const float rank_a = Rank(logits[a]);
    const float rank_b = Rank(logits[b]);
    return rank_a > rank_b || (rank_a == rank_b && a < b);
  };
  const int classes = static_cast<int>(logits.size());
  const int count = std::min(k, classes);
  std::vector<int> order(count);  // a heap, the worst of the best in front
  std::iota(order.begin(), order.end(), 0);
  std::make_heap(order.begin(), order.end(), better);
  for (int i = count; i < classes; ++i) {
    if (!better(i, order.front())) continue;
    std::pop_heap(order.begin(), order.end(), better);
    order.back() = i;
    std::push_heap(order.begin(), order.end(), better);
  }
  std::sort_heap(order.begin(), order.end(), better);
  const float max = MaxRank(logits);
  const float sum = SumOfWeights(logits, max);
  std::vector<ScoredClass> best(count);
  for (int i = 0; i < count; ++i) {
    best[i] = {order[i], Weight(logits[order[i]], max) / sum};
  }
  return best;
}

}  // namespace siskin::pipeline
