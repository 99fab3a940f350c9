// A latency histogram of fixed size, as exact as a report needs.
//
// Latencies are counted in buckets whose width is at most 1/512 of their value, so a percentile is
// never below the true one and at most 0.2 % above it. Maximum and mean are exact. From 0 to 137
// seconds; anything longer counts in the last bucket, and in the maximum as it is.
//
// Not thread-safe.
#ifndef SISKIN_LOADTEST_HISTOGRAM_H_
#define SISKIN_LOADTEST_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace siskin::loadtest {

class LatencyHistogram {
 public:
  LatencyHistogram();

  void Record(absl::Duration latency);
  void Clear();

  int64_t count() const { return count_; }
  // All zero while nothing was recorded. `percent` is clamped to 0..100.
  absl::Duration Percentile(double percent) const;
  absl::Duration Mean() const;
  absl::Duration Max() const { return absl::Nanoseconds(max_); }

 private:
  std::vector<int64_t> buckets_;
  int64_t count_ = 0;
  int64_t max_ = 0;   // ns
  double sum_ = 0.0;  // ns
};

}  // namespace siskin::loadtest

#endif  // SISKIN_LOADTEST_HISTOGRAM_H_
