#include "base/cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/kernel_files.h"

namespace siskin {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CgroupTest : public ::testing::Test {
 protected:
  // The mounts and paths of the groups for `controller`, without the root.
  std::vector<std::string> Find(const std::string& cgroups, const std::string& controller) {
    files_.Write("proc/self/cgroup", cgroups);
    std::vector<std::string> found;
    for (const Cgroup& group : FindCgroups(files_.root(), controller)) {
      const std::string mount = group.mount.substr(files_.root().size());
      found.push_back((group.v2 ? "v2 " : "v1 ") + mount + " " + group.path);
    }
    return found;
  }

  siskin::testing::KernelFiles files_;
};

TEST_F(CgroupTest, NoFileNoGroups) { EXPECT_THAT(FindCgroups(files_.root(), "cpu"), IsEmpty()); }

TEST_F(CgroupTest, V2HasEveryController) {
  EXPECT_THAT(Find("0::/pods/pod1\n", "anything"),
              ElementsAre("v2 /sys/fs/cgroup /pods/pod1", "v2 /sys/fs/cgroup/unified /pods/pod1"));
}

TEST_F(CgroupTest, V1HierarchiesOfTheController) {
  const char kCgroups[] = "7:memory:/m\n4:cpu,cpuacct:/c\n3:cpuset:/s\n";
  EXPECT_THAT(Find(kCgroups, "memory"), ElementsAre("v1 /sys/fs/cgroup/memory /m"));
  EXPECT_THAT(Find(kCgroups, "cpu"),
              ElementsAre("v1 /sys/fs/cgroup/cpu /c", "v1 /sys/fs/cgroup/cpu,cpuacct /c"));
  EXPECT_THAT(Find(kCgroups, "io"), IsEmpty());
}

TEST_F(CgroupTest, APathOutOfTheNamespaceIsTheMount) {
  EXPECT_THAT(Find("2:cpu:/../x\n", "cpu"), ElementsAre("v1 /sys/fs/cgroup/cpu "));
}

TEST_F(CgroupTest, LinesThatAreNoneAreSkipped) {
  EXPECT_THAT(Find("\n:\n4:cpu\nnonsense\n5:cpu:/\n", "cpu"),
              ElementsAre("v1 /sys/fs/cgroup/cpu /"));
}

TEST_F(CgroupTest, FoldersLeadUpToTheMount) {
  const Cgroup group = {.mount = "/mnt", .path = "/a/bc"};
  EXPECT_THAT(group.Folders(), ElementsAre("/mnt/a/bc", "/mnt/a", "/mnt"));
  EXPECT_THAT((Cgroup{.mount = "/mnt", .path = ""}.Folders()), ElementsAre("/mnt"));
}

}  // namespace
}  // namespace siskin
