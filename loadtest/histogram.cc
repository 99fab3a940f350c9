#include "loadtest/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace siskin::loadtest {
namespace {

// Values below 2 * kSubBuckets ns have a bucket each; every doubling above has kSubBuckets of them.
constexpr int kSubBucketBits = 9;
constexpr int64_t kSubBuckets = int64_t{1} << kSubBucketBits;
constexpr int kValueBits = 37;
constexpr int64_t kMaxValue = (int64_t{1} << kValueBits) - 1;

size_t IndexOf(int64_t value) {
  const int shift = std::max(
      0, static_cast<int>(std::bit_width(static_cast<uint64_t>(value))) - 1 - kSubBucketBits);
  return static_cast<size_t>(shift * kSubBuckets + (value >> shift));
}

int64_t HighestValueOf(size_t index) {
  const auto i = static_cast<int64_t>(index);
  if (i < 2 * kSubBuckets) return i;
  const int64_t shift = i / kSubBuckets - 1;
  return ((i - shift * kSubBuckets + 1) << shift) - 1;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(IndexOf(kMaxValue) + 1) {}

void LatencyHistogram::Record(absl::Duration latency) {
  const int64_t value = std::max<int64_t>(0, absl::ToInt64Nanoseconds(latency));
  ++buckets_[IndexOf(std::min(value, kMaxValue))];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void LatencyHistogram::Clear() {
  std::fill(buckets_.begin(), buckets_.end(), 0);
  count_ = 0;
  max_ = 0;
  sum_ = 0.0;
}

absl::Duration LatencyHistogram::Percentile(double percent) const {
  if (count_ == 0) return absl::ZeroDuration();
  // The nearest rank; the small term keeps rounding from lifting a whole number to the next.
  const double rank =
      std::ceil(std::clamp(percent, 0.0, 100.0) * static_cast<double>(count_) / 100.0 - 1e-6);
  int64_t seen = 0;
  for (size_t i = 0; i + 1 < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen > 0 && static_cast<double>(seen) >= rank)
      return absl::Nanoseconds(std::min(HighestValueOf(i), max_));
  }
  return Max();
}

absl::Duration LatencyHistogram::Mean() const {
  return count_ == 0 ? absl::ZeroDuration() : absl::Nanoseconds(sum_ / static_cast<double>(count_));
}

}  // namespace siskin::loadtest
