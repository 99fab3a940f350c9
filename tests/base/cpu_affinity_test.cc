#include "base/cpu_affinity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <string>
#include <thread>

namespace siskin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kNoSuchCpu = 60000;

TEST(CpuAffinityTest, TheMaskIsTheKernels) {
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof(mask), &mask), 0);
  const std::vector<int> cpus = AffinityMask();
  EXPECT_EQ(static_cast<int>(cpus.size()), CPU_COUNT(&mask));
  for (const int cpu : cpus) EXPECT_TRUE(CPU_ISSET(cpu, &mask)) << cpu;
  EXPECT_TRUE(std::is_sorted(cpus.begin(), cpus.end()));
}

TEST(CpuAffinityTest, PinsTheCallingThreadAlone) {
  const std::vector<int> before = AffinityMask();
  ASSERT_FALSE(before.empty());
  std::vector<int> inside;
  std::thread pinned([&] {
    ASSERT_TRUE(PinThisThread({before.back()}).ok());
    inside = AffinityMask();
  });
  pinned.join();
  EXPECT_THAT(inside, ElementsAre(before.back()));
  EXPECT_EQ(AffinityMask(), before);
}

TEST(CpuAffinityTest, CpusBeyondTheMaskAreLeftOut) {
  std::vector<int> wanted = AffinityMask();
  wanted.push_back(kNoSuchCpu);
  EXPECT_TRUE(PinThisThread(wanted).ok());
}

TEST(CpuAffinityTest, NoneLeftIsRefused) {
  const std::vector<int> before = AffinityMask();
  const absl::Status status = PinThisThread({kNoSuchCpu});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cpu 60000"));
  EXPECT_EQ(AffinityMask(), before);
}

}  // namespace
}  // namespace siskin
