#include "base/cgroup.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace siskin {
namespace {

// In a container without a cgroup namespace the path is the host's and does not exist here; the
// walk up ends at the mount, which is then the container's own group. A path that leaves the
// namespace ("/../x") says nothing about what is mounted.
std::string WithinMount(absl::string_view cgroup) {
  return absl::StrContains(cgroup, "..") ? "" : std::string(cgroup);
}

// A line of /proc/self/cgroup: "hierarchy:controllers:path"; v2 is "0::path".
void AppendGroupsOfLine(absl::string_view line, const std::string& mounts,
                        const std::string& controller, std::vector<Cgroup>& groups) {
  const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
  if (fields.size() != 3) return;
  const std::string path = WithinMount(fields[2]);
  if (fields[1].empty()) {
    groups.push_back({.v2 = true, .mount = mounts, .path = path});
    // On hosts that mix v1 and v2.
    groups.push_back({.v2 = true, .mount = absl::StrCat(mounts, "/unified"), .path = path});
    return;
  }
  const std::vector<absl::string_view> controllers = absl::StrSplit(fields[1], ',');
  if (std::find(controllers.begin(), controllers.end(), controller) == controllers.end()) return;
  groups.push_back({.mount = absl::StrCat(mounts, "/", controller), .path = path});
  if (controllers.size() > 1) {  // "cpu,cpuacct"
    groups.push_back({.mount = absl::StrCat(mounts, "/", fields[1]), .path = path});
  }
}

}  // namespace

std::vector<std::string> Cgroup::Folders() const {
  std::vector<std::string> folders;
  std::string group = path;
  while (true) {
    folders.push_back(mount + group);
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos) return folders;
    group.resize(slash);  // "" in the end: the mount itself
  }
}

std::vector<Cgroup> FindCgroups(const std::string& root, const std::string& controller) {
  std::vector<Cgroup> groups;
  std::ifstream lines(root + "/proc/self/cgroup");
  for (std::string line; std::getline(lines, line);) {
    AppendGroupsOfLine(line, root + "/sys/fs/cgroup", controller, groups);
  }
  return groups;
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace siskin
