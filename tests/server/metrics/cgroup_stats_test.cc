#include "server/metrics/cgroup_stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/fakes/kernel_files.h"

namespace siskin::metrics {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

class CgroupStatsTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) { files_.Write(path, text); }
  CgroupStats Read() { return ReadCgroupStats(files_.root()); }
  std::vector<std::string> Stalls() {
    std::vector<std::string> stalls;
    for (const Pressure& pressure : ReadPressure(files_.root())) {
      stalls.push_back(
          absl::StrCat(pressure.resource, " ", pressure.severity, " ", pressure.stalled_seconds));
    }
    return stalls;
  }

  siskin::testing::KernelFiles files_;
};

TEST_F(CgroupStatsTest, NothingThereIsNothingKnown) {
  const CgroupStats stats = Read();
  EXPECT_FALSE(stats.throttling.has_value());
  EXPECT_FALSE(stats.cpu_quota_cores.has_value());
  EXPECT_FALSE(stats.memory_usage_bytes.has_value());
  EXPECT_FALSE(stats.memory_limit_bytes.has_value());
  EXPECT_THAT(Stalls(), IsEmpty());
}

TEST_F(CgroupStatsTest, V2) {
  Write("proc/self/cgroup", "0::/pods/box\n");
  Write("sys/fs/cgroup/pods/box/cpu.stat",
        "usage_usec 900\nuser_usec 800\nnr_periods 71\nnr_throttled 13\nthrottled_usec 2500000\n");
  Write("sys/fs/cgroup/pods/box/cpu.max", "150000 100000\n");
  Write("sys/fs/cgroup/pods/box/memory.current", "123456\n");
  Write("sys/fs/cgroup/pods/box/memory.max", "1000000\n");
  const CgroupStats stats = Read();
  ASSERT_TRUE(stats.throttling.has_value());
  EXPECT_EQ(stats.throttling->periods, 71);
  EXPECT_EQ(stats.throttling->throttled_periods, 13);
  EXPECT_DOUBLE_EQ(stats.throttling->throttled_seconds, 2.5);
  EXPECT_THAT(stats.cpu_quota_cores, Optional(1.5));
  EXPECT_THAT(stats.memory_usage_bytes, Optional(123456));
  EXPECT_THAT(stats.memory_limit_bytes, Optional(1000000));
}

TEST_F(CgroupStatsTest, V1) {
  Write("proc/self/cgroup", "5:memory:/box\n4:cpu,cpuacct:/box\n");
  Write("sys/fs/cgroup/cpu,cpuacct/box/cpu.stat",
        "nr_periods 71\nnr_throttled 13\nthrottled_time 2500000000\n");
  Write("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_quota_us", "70000\n");
  Write("sys/fs/cgroup/cpu,cpuacct/box/cpu.cfs_period_us", "100000\n");
  Write("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "123456\n");
  Write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "1000000\n");
  const CgroupStats stats = Read();
  ASSERT_TRUE(stats.throttling.has_value());
  EXPECT_EQ(stats.throttling->periods, 71);
  EXPECT_EQ(stats.throttling->throttled_periods, 13);
  EXPECT_DOUBLE_EQ(stats.throttling->throttled_seconds, 2.5);
  EXPECT_THAT(stats.cpu_quota_cores, Optional(DoubleEq(0.7)));
  EXPECT_THAT(stats.memory_usage_bytes, Optional(123456));
  EXPECT_THAT(stats.memory_limit_bytes, Optional(1000000));
}

TEST_F(CgroupStatsTest, NoLimitIsLeftOut) {
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/cpu.max", "max 100000\n");
  Write("sys/fs/cgroup/memory.current", "123456\n");
  Write("sys/fs/cgroup/memory.max", "max\n");
  EXPECT_FALSE(Read().cpu_quota_cores.has_value());
  EXPECT_THAT(Read().memory_usage_bytes, Optional(123456));
  EXPECT_FALSE(Read().memory_limit_bytes.has_value());

  Write("proc/self/cgroup", "5:memory:/\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_FALSE(Read().memory_limit_bytes.has_value());
}

TEST_F(CgroupStatsTest, TheSmallestMemoryLimitOnTheWayUpHolds) {
  Write("proc/self/cgroup", "0::/pod/box\n");
  Write("sys/fs/cgroup/pod/box/memory.current", "7\n");
  Write("sys/fs/cgroup/pod/box/memory.max", "max\n");
  Write("sys/fs/cgroup/pod/memory.current", "70\n");
  Write("sys/fs/cgroup/pod/memory.max", "500\n");
  Write("sys/fs/cgroup/memory.max", "900\n");
  EXPECT_THAT(Read().memory_usage_bytes, Optional(7));
  EXPECT_THAT(Read().memory_limit_bytes, Optional(500));
}

TEST_F(CgroupStatsTest, AHostPathThatIsNotMountedFallsBackToTheMount) {
  Write("proc/self/cgroup", "0::/system.slice/docker-abc.scope\n");
  Write("sys/fs/cgroup/cpu.stat", "nr_periods 3\nnr_throttled 2\nthrottled_usec 1\n");
  Write("sys/fs/cgroup/memory.current", "5\n");
  ASSERT_TRUE(Read().throttling.has_value());
  EXPECT_EQ(Read().throttling->periods, 3);
  EXPECT_THAT(Read().memory_usage_bytes, Optional(5));
}

TEST_F(CgroupStatsTest, AGroupWithoutTheCpuControllerIsNotThrottled) {
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/cpu.stat", "usage_usec 900\nuser_usec 800\nsystem_usec 100\n");
  EXPECT_FALSE(Read().throttling.has_value());
}

TEST_F(CgroupStatsTest, MalformedFilesAreLeftOut) {
  Write("proc/self/cgroup", "0::/\n");
  for (const char* text : {"", "\n", "x", "-1", "99999999999999999999"}) {
    Write("sys/fs/cgroup/memory.current", text);
    Write("sys/fs/cgroup/memory.max", text);
    Write("sys/fs/cgroup/cpu.stat", text);
    EXPECT_FALSE(Read().memory_usage_bytes.has_value()) << text;
    EXPECT_FALSE(Read().memory_limit_bytes.has_value()) << text;
    EXPECT_FALSE(Read().throttling.has_value()) << text;
  }
  Write("proc/pressure/cpu", "some\nfull total=\nnone total=x\n\n");
  EXPECT_THAT(Stalls(), IsEmpty());
}

constexpr char kSome[] = "some avg10=0.00 avg60=1.00 avg300=2.00 total=1500000\n";

TEST_F(CgroupStatsTest, PressureOfTheOwnGroup) {
  Write("proc/self/cgroup", "0::/box\n");
  Write("sys/fs/cgroup/box/cpu.pressure",
        absl::StrCat(kSome, "full avg10=0.00 avg60=0.00 avg300=0.00 total=250000\n"));
  Write("sys/fs/cgroup/box/memory.pressure", kSome);
  Write("proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=9000000\n");
  EXPECT_THAT(Stalls(), ElementsAre("cpu some 1.5", "cpu full 0.25", "memory some 1.5"));
}

TEST_F(CgroupStatsTest, PressureOfTheMachineWhereTheGroupHasNone) {
  Write("proc/self/cgroup", "4:cpu:/\n");
  Write("proc/pressure/io", kSome);
  EXPECT_THAT(Stalls(), ElementsAre("io some 1.5"));
}

}  // namespace
}  // namespace siskin::metrics
