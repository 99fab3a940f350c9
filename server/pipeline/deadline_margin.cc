#include "server/pipeline/deadline_margin.h"

#include <algorithm>

namespace siskin::pipeline {
namespace {

constexpr int64_t kFall = 10'000;  // nanoseconds, for each answer in time
constexpr int64_t kRise = 500 * kFall;
constexpr int64_t kLargest = 1'000'000'000;
constexpr int64_t kPart = 4;

}  // namespace

MonotonicTime DeadlineMargin::ReadyBy(MonotonicTime deadline, MonotonicTime now) const {
  const absl::Duration margin = absl::Nanoseconds(nanoseconds_.load(std::memory_order_relaxed));
  if (deadline == MonotonicTime::InfiniteFuture() || deadline <= now) return deadline;
  return deadline - std::min(margin, (deadline - now) / kPart);
}

void DeadlineMargin::Observe(MonotonicTime deadline, MonotonicTime arrived, MonotonicTime sent,
                             bool given_up) {
  if (deadline == MonotonicTime::InfiniteFuture()) return;
  if (given_up && sent < deadline - (deadline - arrived) / kPart) return;
  const int64_t before = nanoseconds_.load(std::memory_order_relaxed);
  const int64_t after = before + (given_up ? kRise : -kFall);
  // Two answers at the same moment may lose the one's word.
  nanoseconds_.store(std::clamp<int64_t>(after, 0, kLargest), std::memory_order_relaxed);
}

}  // namespace siskin::pipeline
