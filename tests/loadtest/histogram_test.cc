#include "loadtest/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace siskin::loadtest {
namespace {

TEST(LatencyHistogramTest, IsZeroWhileEmpty) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.Percentile(99), absl::ZeroDuration());
  EXPECT_EQ(histogram.Mean(), absl::ZeroDuration());
  EXPECT_EQ(histogram.Max(), absl::ZeroDuration());
}

TEST(LatencyHistogramTest, CountsSmallValuesExactly) {
  LatencyHistogram histogram;
  for (int ns = 1; ns <= 1000; ++ns) histogram.Record(absl::Nanoseconds(ns));
  EXPECT_EQ(histogram.Percentile(0), absl::Nanoseconds(1));
  EXPECT_EQ(histogram.Percentile(50), absl::Nanoseconds(500));
  EXPECT_EQ(histogram.Percentile(99.9), absl::Nanoseconds(999));
  EXPECT_EQ(histogram.Percentile(100), absl::Nanoseconds(1000));
}

// The promise of the header: never below the true percentile, at most 1/512 above it.
TEST(LatencyHistogramTest, PercentilesKeepTheStatedErrorOverTheWholeRange) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(0.0, 11.0);  // 1 ns to 100 s
  LatencyHistogram histogram;
  std::vector<int64_t> values;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(static_cast<int64_t>(std::pow(10.0, exponent(random))));
    histogram.Record(absl::Nanoseconds(values.back()));
  }
  std::sort(values.begin(), values.end());
  for (int permille = 5; permille <= 1000; permille += 5) {
    const auto rank = static_cast<size_t>(20 * permille);
    const double percent = permille / 10.0;
    const int64_t exact = values[rank - 1];
    const int64_t reported = absl::ToInt64Nanoseconds(histogram.Percentile(percent));
    EXPECT_GE(reported, exact) << percent;
    EXPECT_LE(reported - exact, exact / 512 + 1) << percent;
  }
}

TEST(LatencyHistogramTest, MeanAndMaxAreExact) {
  LatencyHistogram histogram;
  histogram.Record(absl::Milliseconds(1));
  histogram.Record(absl::Milliseconds(2));
  histogram.Record(absl::Milliseconds(9));
  EXPECT_EQ(histogram.Mean(), absl::Milliseconds(4));
  EXPECT_EQ(histogram.Max(), absl::Milliseconds(9));
  EXPECT_EQ(histogram.Percentile(100), absl::Milliseconds(9));
}

TEST(LatencyHistogramTest, KeepsWhatIsOutOfRange) {
  LatencyHistogram histogram;
  histogram.Record(absl::Seconds(-1));
  histogram.Record(absl::Hours(2));
  EXPECT_EQ(histogram.count(), 2);
  EXPECT_EQ(histogram.Percentile(50), absl::ZeroDuration());
  EXPECT_EQ(histogram.Percentile(99), absl::Hours(2));
}

TEST(LatencyHistogramTest, ClearForgetsEverything) {
  LatencyHistogram histogram;
  histogram.Record(absl::Seconds(1));
  histogram.Clear();
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.Max(), absl::ZeroDuration());
  histogram.Record(absl::Milliseconds(1));
  EXPECT_EQ(histogram.Percentile(50), absl::Milliseconds(1));
  EXPECT_EQ(histogram.Mean(), absl::Milliseconds(1));
}

}  // namespace
}  // namespace siskin::loadtest
