#include "base/cpu_affinity.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace siskin {
namespace {

constexpr int kMaxCpus = 1 << 16;

// A cpu_set_t that may be larger than the fixed one.
class CpuSet {
 public:
  explicit CpuSet(int cpus) : bytes_(CPU_ALLOC_SIZE(cpus)), set_(CPU_ALLOC(cpus)) {
    CPU_ZERO_S(bytes_, set_);
  }
  ~CpuSet() { CPU_FREE(set_); }
  CpuSet(const CpuSet&) = delete;
  CpuSet& operator=(const CpuSet&) = delete;

  size_t bytes() const { return bytes_; }
  cpu_set_t* get() { return set_; }
  void Add(int cpu) { CPU_SET_S(cpu, bytes_, set_); }
  bool Has(int cpu) const { return CPU_ISSET_S(cpu, bytes_, set_); }

 private:
  const size_t bytes_;
  cpu_set_t* const set_;
};

}  // namespace

std::vector<int> AffinityMask() {
  std::vector<int> cpus;
  // The kernel refuses a mask that is smaller than its own.
  for (int size = CPU_SETSIZE; size <= kMaxCpus && cpus.empty(); size *= 2) {
    CpuSet mask(size);
    if (sched_getaffinity(0, mask.bytes(), mask.get()) != 0) continue;
    for (int cpu = 0; cpu < size; ++cpu) {
      if (mask.Has(cpu)) cpus.push_back(cpu);
    }
  }
  return cpus;
}

absl::Status PinThisThread(absl::Span<const int> cpus) {
  CpuSet mask(*std::max_element(cpus.begin(), cpus.end()) + 1);
  for (const int cpu : cpus) mask.Add(cpu);
  if (sched_setaffinity(0, mask.bytes(), mask.get()) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("cannot run on cpu ", absl::StrJoin(cpus, ", "), ": ", std::strerror(errno)));
}

}  // namespace siskin
