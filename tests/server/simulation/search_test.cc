#include "server/simulation/search.h"

#include <gtest/gtest.h>

namespace siskin::simulation {
namespace {

TEST(SearchTest, LargestRateIsJustBelowTheLimit) {
  double best_tried = 0;
  const auto rate = LargestRate(1000, [&](double tried) {
    if (tried <= 612.3) best_tried = std::max(best_tried, tried);
    return tried <= 612.3;
  });
  ASSERT_TRUE(rate.has_value());
  EXPECT_LE(*rate, 612.3);
  EXPECT_GE(*rate, 612.3 - 1000 * kRateStep);
  EXPECT_EQ(*rate, best_tried);  // one that was seen to be enough
}

TEST(SearchTest, AllRatesOrNone) {
  EXPECT_EQ(LargestRate(1000, [](double) { return true; }), 1000);
  EXPECT_EQ(LargestRate(1000, [](double) { return false; }), std::nullopt);
}

TEST(SearchTest, LeastReplicas) {
  for (const int needed : {1, 2, 3, 5, 8, 100, 128}) {
    EXPECT_EQ(LeastReplicas(128, [&](int tried) { return tried >= needed; }), needed);
  }
  EXPECT_EQ(LeastReplicas(128, [](int tried) { return tried >= 129; }), std::nullopt);
}

}  // namespace
}  // namespace siskin::simulation
