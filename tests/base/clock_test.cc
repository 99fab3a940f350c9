#include "base/clock.h"

#include <gtest/gtest.h>

#include <thread>

#include "absl/time/clock.h"

namespace siskin {
namespace {

TEST(MonotonicTimeTest, CountsInDurations) {
  const MonotonicTime start = MonotonicTime::SinceEpoch(absl::Seconds(5));
  EXPECT_EQ(start - MonotonicTime(), absl::Seconds(5));
  EXPECT_EQ((start + absl::Seconds(2)) - start, absl::Seconds(2));
  EXPECT_EQ(start - absl::Seconds(5), MonotonicTime());
  EXPECT_LT(MonotonicTime(), start);
}

TEST(MonotonicTimeTest, TheInfiniteFutureStaysThere) {
  const MonotonicTime never = MonotonicTime::InfiniteFuture();
  EXPECT_EQ(never + absl::Hours(1), never);
  EXPECT_EQ(never - absl::Hours(1), never);
  EXPECT_EQ(never - Clock::Real().Now(), absl::InfiniteDuration());
  EXPECT_GT(never, Clock::Real().Now());
}

TEST(MonotonicTimeTest, WallTimeThereAndBack) {
  EXPECT_EQ(FromWallTime(absl::InfiniteFuture()), MonotonicTime::InfiniteFuture());
  const MonotonicTime before = Clock::Real().Now();
  const MonotonicTime in_an_hour = FromWallTime(absl::Now() + absl::Hours(1));
  EXPECT_GE(in_an_hour, before + absl::Hours(1));
  EXPECT_LE(in_an_hour, Clock::Real().Now() + absl::Hours(1));
  EXPECT_GE(ToWallTime(in_an_hour), absl::Now() + absl::Minutes(59));
}

TEST(RealClockTest, NeverGoesBack) {
  MonotonicTime before = Clock::Real().Now();
  EXPECT_GT(before, MonotonicTime());
  for (int i = 0; i < 1000; ++i) {
    const MonotonicTime now = Clock::Real().Now();
    EXPECT_GE(now, before);
    before = now;
  }
}

TEST(RealClockTest, StopsWaitingAtTheDeadline) {
  absl::Mutex mu;
  CondVar never_signalled;
  const MonotonicTime deadline = Clock::Real().Now() + absl::Milliseconds(1);
  absl::MutexLock lock(&mu);
  while (Clock::Real().Now() < deadline) Clock::Real().WaitUntil(never_signalled, mu, deadline);
  EXPECT_GE(Clock::Real().Now(), deadline);
}

TEST(RealClockTest, WaitsForTheSignalWithoutADeadline) {
  absl::Mutex mu;
  CondVar changed;
  bool done = false;
  std::thread signaller([&] {
    absl::MutexLock lock(&mu);
    done = true;
    changed.Signal();
  });
  {
    absl::MutexLock lock(&mu);
    while (!done) Clock::Real().WaitUntil(changed, mu, MonotonicTime::InfiniteFuture());
  }
  signaller.join();
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace siskin
