// The scheduler does not notice that the machine's clock is set. The C library's clock_gettime is
// replaced in this program, so that wall time jumps while the real time goes on.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <memory>

#include "absl/time/clock.h"
#include "base/clock.h"
#include "server/batching/scheduler.h"
#include "tests/fakes/fake_task.h"

namespace {
std::atomic<time_t> wall_clock_set_by{0};  // seconds
}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) {
  const long result = syscall(SYS_clock_gettime, clock, time);
  if (clock == CLOCK_REALTIME) time->tv_sec += wall_clock_set_by;
  return static_cast<int>(result);
}

namespace siskin::batching {
namespace {

using ::siskin::testing::FakeTask;
using ::siskin::testing::TaskEnd;

constexpr int kHour = 3600;

// The parameter: by how many seconds the clock is set while a task waits.
class WallClockTest : public ::testing::TestWithParam<int> {
 protected:
  ~WallClockTest() override { wall_clock_set_by = 0; }

  void Enqueue(BatchQueue& queue, absl::Duration until_deadline) {
    std::unique_ptr<Task> task =
        std::make_unique<FakeTask>(end_, Clock::Real().Now() + until_deadline);
    ASSERT_TRUE(queue.Enqueue(task).ok());
  }

  TaskEnd end_;
  Scheduler scheduler_;
};

TEST_P(WallClockTest, TheTestMovesIt) {
  const absl::Time before = absl::Now();
  wall_clock_set_by = GetParam();
  const absl::Duration moved = absl::Now() - before - absl::Seconds(GetParam());
  EXPECT_GE(moved, absl::ZeroDuration());
  EXPECT_LT(moved, absl::Minutes(30));
}

TEST_P(WallClockTest, WithoutADelayABatchIsTakenAtOnce) {
  const auto queue = scheduler_.AddQueue({}, nullptr);
  Enqueue(**queue, absl::Minutes(30));
  wall_clock_set_by = GetParam();
  Batch batch;
  ASSERT_TRUE(scheduler_.WaitForBatch(batch));
  EXPECT_EQ(batch.tasks.size(), 1u);  // it has not expired
  EXPECT_EQ(batch.reason, CloseReason::kDelay);
}

// A wait that followed the wall clock would last an hour here.
TEST_P(WallClockTest, ADelayEndsWhenItIsOver) {
  const absl::Duration delay = absl::Milliseconds(20);
  const auto queue = scheduler_.AddQueue({.limits = {.max_delay = delay}}, nullptr);
  wall_clock_set_by = GetParam();
  const MonotonicTime start = Clock::Real().Now();
  Enqueue(**queue, absl::Minutes(30));
  Batch batch;
  std::future<bool> taken =
      std::async(std::launch::async, [&] { return scheduler_.WaitForBatch(batch); });
  wall_clock_set_by = 0;
  ASSERT_TRUE(taken.get());
  EXPECT_EQ(batch.tasks.size(), 1u);
  EXPECT_GE(Clock::Real().Now(), start + delay);
}

INSTANTIATE_TEST_SUITE_P(Set, WallClockTest, ::testing::Values(-kHour, kHour),
                         [](const auto& info) { return info.param < 0 ? "Back" : "Forward"; });

}  // namespace
}  // namespace siskin::batching
