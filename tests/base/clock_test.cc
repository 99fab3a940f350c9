#include "base/clock.h"

#include <gtest/gtest.h>

#include <thread>

#include "absl/time/clock.h"

namespace siskin {
namespace {

TEST(RealClockTest, TellsTheTime) {
  const absl::Time before = absl::Now();
  const absl::Time now = Clock::Real().Now();
  EXPECT_GE(now, before);
  EXPECT_LE(now, absl::Now());
}

TEST(RealClockTest, StopsWaitingAtTheDeadline) {
  absl::Mutex mu;
  absl::CondVar never_signalled;
  const absl::Time deadline = absl::Now() + absl::Milliseconds(1);
  absl::MutexLock lock(&mu);
  while (Clock::Real().Now() < deadline) Clock::Real().WaitUntil(never_signalled, mu, deadline);
  EXPECT_GE(absl::Now(), deadline);
}

TEST(RealClockTest, WaitsForTheSignalWithoutADeadline) {
  absl::Mutex mu;
  absl::CondVar changed;
  bool done = false;
  std::thread signaller([&] {
    absl::MutexLock lock(&mu);
    done = true;
    changed.Signal();
  });
  {
    absl::MutexLock lock(&mu);
    while (!done) Clock::Real().WaitUntil(changed, mu, absl::InfiniteFuture());
  }
  signaller.join();
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace siskin
