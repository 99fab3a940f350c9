#include "server/metrics/process_stats.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
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
  EXPECT_LE(start, now + 2);  // the boot time is rounded
  EXPECT_GT(start, now - 24 * 3600);
  EXPECT_EQ(ReadProcessStats().start_time_seconds.value(), start);
}

}  // namespace
}  // namespace siskin::metrics
