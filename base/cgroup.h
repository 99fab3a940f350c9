// Where the control groups of this process are, cgroup v1 and v2.
#ifndef SISKIN_BASE_CGROUP_H_
#define SISKIN_BASE_CGROUP_H_

#include <string>
#include <vector>

namespace siskin {

// A group that this process is in. Its files need not exist.
struct Cgroup {
  bool v2 = false;
  std::string mount;  // of its hierarchy: "/sys/fs/cgroup/cpu"
  std::string path;   // within the mount: "/pods/pod1", or ""

  // The group's own folder first, then those above it, the mount last.
  std::vector<std::string> Folders() const;
};

// The groups that may limit or account for `controller` ("cpu", "memory"): those of v1 hierarchies
// that have it, and those of v2, which has them all. In the order of /proc/self/cgroup.
// `root` is where /proc and /sys/fs/cgroup are found: "" in production, a folder in tests.
std::vector<Cgroup> FindCgroups(const std::string& root, const std::string& controller);

// "" if there is no such file, or nothing in it.
std::string FirstLine(const std::string& path);

}  // namespace siskin

#endif  // SISKIN_BASE_CGROUP_H_
