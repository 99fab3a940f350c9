#include "server/pipeline/top_k.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace siskin::pipeline {
namespace {

using ::testing::ElementsAre;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> SoftmaxOf(std::vector<float> logits) {
  Softmax(logits, absl::MakeSpan(logits));  // in place
  return logits;
}

std::vector<int> Indices(const std::vector<ScoredClass>& classes) {
  std::vector<int> indices;
  for (const ScoredClass& scored : classes) indices.push_back(scored.index);
  return indices;
}

TEST(SoftmaxTest, IsExpOverSum) {
  const std::vector<float> probabilities = SoftmaxOf({0, std::log(2.0f), std::log(5.0f)});
  EXPECT_FLOAT_EQ(probabilities[0], 0.125f);
  EXPECT_FLOAT_EQ(probabilities[1], 0.25f);
  EXPECT_FLOAT_EQ(probabilities[2], 0.625f);
}

TEST(SoftmaxTest, LargeLogitsDoNotOverflow) {
  EXPECT_THAT(SoftmaxOf({3e38f, 3e38f, -3e38f}), ElementsAre(0.5f, 0.5f, 0));
  EXPECT_THAT(SoftmaxOf({kInfinity, 1, -kInfinity}), ElementsAre(1, 0, 0));
  EXPECT_THAT(SoftmaxOf({-kInfinity, -kInfinity}), ElementsAre(0.5f, 0.5f));
}

TEST(SoftmaxTest, NanHasNoProbability) {
  EXPECT_THAT(SoftmaxOf({kNan, 1, 1}), ElementsAre(0, 0.5f, 0.5f));
  EXPECT_THAT(SoftmaxOf({kNan, kNan}), ElementsAre(0, 0));
  EXPECT_TRUE(SoftmaxOf({}).empty());
}

TEST(TopKTest, BestFirstWithSoftmaxProbabilities) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 4);
  std::vector<float> logits(1000);
  std::generate(logits.begin(), logits.end(), [&] { return normal(random); });
  const std::vector<float> probabilities = SoftmaxOf(logits);
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return logits[a] > logits[b]; });
  for (const int k : {1, 5, 999, 1000}) {
    const std::vector<ScoredClass> best = TopK(logits, k);
    ASSERT_EQ(best.size(), static_cast<size_t>(k));
    for (int i = 0; i < k; ++i) {
      ASSERT_EQ(best[i].index, order[i]);
      ASSERT_EQ(best[i].probability, probabilities[order[i]]);
    }
  }
}

TEST(TopKTest, TiesGoToTheLowerIndex) {
  EXPECT_THAT(Indices(TopK({1, 3, 3, 1, 3}, 4)), ElementsAre(1, 2, 4, 0));
}

TEST(TopKTest, NoMoreThanThereAre) {
  EXPECT_THAT(Indices(TopK({1, 2}, 10)), ElementsAre(1, 0));
  EXPECT_TRUE(TopK({}, 5).empty());
}

TEST(TopKTest, NanComesLast) {
  EXPECT_THAT(Indices(TopK({kNan, -5, kNan, 2, kInfinity}, 5)), ElementsAre(4, 3, 1, 0, 2));
  EXPECT_THAT(Indices(TopK({kNan, kNan, kNan}, 2)), ElementsAre(0, 1));
}

}  // namespace
}  // namespace siskin::pipeline
