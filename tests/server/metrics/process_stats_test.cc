#include "server/metrics/process_stats.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <barrier>
#include <ctime>
#include <thread>
#include <vector>

namespace siskin::metrics {
namespace {

TEST(ProcessStatsTest, CountsFileDescriptors) {
  const double before = ReadProcessStats().open_fds.value();
  const int fd = open("/dev/null", O_RDONLY);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(ReadProcessStats().open_fds.value(), before + 1);
  close(fd);
  EXPECT_EQ(ReadProcessStats().open_fds.value(), before);
}

TEST(ProcessStatsTest, SeesMemoryThatIsTouched) {
  constexpr double kBytes = 64 << 20;
  const double before = ReadProcessStats().resident_memory_bytes.value();
  const std::vector<char> memory(static_cast<size_t>(kBytes), 'x');
  EXPECT_GT(ReadProcessStats().resident_memory_bytes.value(), before + kBytes * 0.9);
  EXPECT_EQ(memory.back(), 'x');
}

TEST(ProcessStatsTest, CountsThreads) {
  std::thread([] {}).join();  // sanitizers start a thread of their own with the first
  const double before = ReadProcessStats().threads.value();
  EXPECT_GE(before, 1);
  std::barrier both_run(2);
  std::thread other([&] { both_run.arrive_and_wait(); });
  EXPECT_EQ(ReadProcessStats().threads.value(), before + 1);
  both_run.arrive_and_wait();
  other.join();
}

TEST(ProcessStatsTest, LimitsAreAboveWhatIsUsed) {
  const ProcessStats stats = ReadProcessStats();
  EXPECT_GE(stats.virtual_memory_bytes.value(), stats.resident_memory_bytes.value());
  EXPECT_GE(stats.max_fds.value_or(stats.open_fds.value()), stats.open_fds.value());
}

TEST(ProcessStatsTest, CpuTimeGrowsWithWork) {
  const double before = ReadProcessStats().cpu_seconds.value();
  double now = before;
  constexpr int kEnough = 100'000;  // reading is work as well
  for (int i = 0; now == before && i < kEnough; ++i) now = ReadProcessStats().cpu_seconds.value();
  EXPECT_GT(now, before);
}

TEST(ProcessStatsTest, StartedBeforeNowAndAfterTheMachine) {
  const double start = ReadProcessStats().start_time_seconds.value();
  const double now = static_cast<double>(time(nullptr));
  EXPECT_LE(start, now + 2);  // `now` is rounded
  EXPECT_GT(start, now - 24 * 3600);
  EXPECT_EQ(ReadProcessStats().start_time_seconds.value(), start);
}

}  // namespace
}  // namespace siskin::metrics
