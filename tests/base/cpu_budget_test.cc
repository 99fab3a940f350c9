#include "base/cpu_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/cpu_affinity.h"
#include "tests/fakes/kernel_files.h"

namespace siskin {
namespace {

class DetectCpuBudgetTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) { files_.Write(path, text); }
  void WriteCgroups(const std::string& text) { Write("proc/self/cgroup", text); }
  void WriteV2(const std::string& group, const std::string& text) {
    Write("sys/fs/cgroup" + group + "/cpu.max", text);
  }
  void WriteV1(const std::string& folder, const std::string& quota, const std::string& period) {
    Write("sys/fs/cgroup" + folder + "/cpu.cfs_quota_us", quota);
    Write("sys/fs/cgroup" + folder + "/cpu.cfs_period_us", period);
  }
  double Quota() { return DetectCpuBudget(files_.root()).quota; }

  siskin::testing::KernelFiles files_;
};

TEST_F(DetectCpuBudgetTest, NothingThereIsUnlimited) { EXPECT_EQ(Quota(), 0); }

TEST_F(DetectCpuBudgetTest, V2QuotaOfTheOwnGroup) {
  WriteCgroups("0::/\n");
  WriteV2("", "250000 100000\n");
  EXPECT_EQ(Quota(), 2.5);
}

TEST_F(DetectCpuBudgetTest, V2MaxIsUnlimited) {
  WriteCgroups("0::/\n");
  WriteV2("", "max 100000\n");
  EXPECT_EQ(Quota(), 0);
}

TEST_F(DetectCpuBudgetTest, V2TakesTheSmallestUpToTheRoot) {
  WriteCgroups("0::/pods/pod1/box\n");
  WriteV2("/pods/pod1/box", "400000 100000\n");
  WriteV2("/pods/pod1", "150000 100000\n");
  WriteV2("/pods", "max 100000\n");
  WriteV2("", "800000 100000\n");
  EXPECT_EQ(Quota(), 1.5);
}

TEST_F(DetectCpuBudgetTest, V2OwnGroupMayBeTheSmallest) {
  WriteCgroups("0::/pods/pod1\n");
  WriteV2("/pods/pod1", "50000 100000\n");
  WriteV2("", "800000 100000\n");
  EXPECT_EQ(Quota(), 0.5);
}

TEST_F(DetectCpuBudgetTest, AHostPathThatIsNotMountedFallsBackToTheMount) {
  WriteCgroups("0::/system.slice/docker-abc.scope\n");
  WriteV2("", "300000 100000\n");
  EXPECT_EQ(Quota(), 3);
}

TEST_F(DetectCpuBudgetTest, APathOutOfTheNamespaceCountsAsTheMount) {
  WriteCgroups("0::/../../other\n");
  Write("other/cpu.max", "100000 100000\n");  // where the path would lead
  WriteV2("", "300000 100000\n");
  EXPECT_EQ(Quota(), 3);
}

TEST_F(DetectCpuBudgetTest, V1Quota) {
  WriteCgroups("5:memory:/box\n4:cpu,cpuacct:/box\n");
  WriteV1("/cpu,cpuacct/box", "200000\n", "100000\n");
  EXPECT_EQ(Quota(), 2);
}

TEST_F(DetectCpuBudgetTest, V1MountedAsCpu) {
  WriteCgroups("4:cpuacct,cpu:/box\n");
  WriteV1("/cpu/box", "-1\n", "100000\n");
  WriteV1("/cpu", "70000\n", "100000\n");
  EXPECT_EQ(Quota(), 0.7);
}

TEST_F(DetectCpuBudgetTest, V1MinusOneIsUnlimited) {
  WriteCgroups("4:cpu:/\n");
  WriteV1("/cpu", "-1\n", "100000\n");
  EXPECT_EQ(Quota(), 0);
}

TEST_F(DetectCpuBudgetTest, HybridTakesTheSmallestOfBoth) {
  WriteCgroups("4:cpu:/\n0::/\n");
  WriteV1("/cpu", "400000\n", "100000\n");
  WriteV2("/unified", "300000 100000\n");
  EXPECT_EQ(Quota(), 3);
}

TEST_F(DetectCpuBudgetTest, OtherControllersDoNotCount) {
  WriteCgroups("4:cpuset:/\n3:cpuacct:/\n");
  WriteV1("/cpu", "100000\n", "100000\n");
  WriteV1("/cpuset", "100000\n", "100000\n");
  EXPECT_EQ(Quota(), 0);
}

TEST_F(DetectCpuBudgetTest, MalformedFilesAreUnlimited) {
  for (const char* text : {"", "\n", "100000", "100000 0", "0 100000", "-5 100000", "x y",
                           "100000 100000 100000", "99999999999999999999 1"}) {
    WriteCgroups("0::/\n");
    WriteV2("", text);
    EXPECT_EQ(Quota(), 0) << text;
  }
  WriteV2("", "100000 100000");
  for (const char* text : {"", "0", "0:", "garbage\n\n:\n", "4:cpu\n"}) {
    WriteCgroups(text);
    EXPECT_EQ(Quota(), 0) << text;
  }
}

TEST_F(DetectCpuBudgetTest, CpusAreTheAffinityMask) {
  EXPECT_EQ(DetectCpuBudget(files_.root()).cpus, AffinityMask());
}

TEST(CpuBudgetTest, LanesAreTheSmallerOfCpusAndQuota) {
  const struct {
    std::vector<int> cpus;
    double quota;
    int lanes;
  } kCases[] = {
      {{0, 1, 2, 3}, 0, 4},
      {{0, 1, 2, 3}, 2, 2},
      {{0, 1, 2, 3}, 2.9, 2},
      {{0, 1, 2, 3}, 0.3, 1},
      {{0, 1, 2, 3}, 100, 4},
      {{5}, 3, 1},
      {{}, 0, 1},
      {{}, 8, 1},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ((CpuBudget{c.cpus, c.quota}.lanes()), c.lanes)
        << c.cpus.size() << " cpus, quota " << c.quota;
  }
}

}  // namespace
}  // namespace siskin
