#include "server/app/lane_pinning.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace siskin::app {
namespace {

absl::StatusOr<LanePinning> PinAsTold(const CpuBudget& budget, size_t lanes) {
  const size_t cpus = budget.cpus.size();
  if (cpus == 0) {
    return absl::FailedPreconditionError(
        "cannot pin the lanes: the kernel does not tell which cpus there are; pin none");
  }
  if (lanes > cpus) {
    return absl::InvalidArgumentError(absl::StrCat("expected at most ", cpus,
                                                   " lanes to pin, one a cpu, got ", lanes,
                                                   "; take fewer lanes, or pin none"));
  }
  return LanePinning{budget.cpus, "pinned, as told"};
}

}  // namespace

absl::StatusOr<LanePinning> PinLanes(Pinning pinning, const CpuBudget& budget, int lanes) {
  switch (pinning) {
    case Pinning::kAuto:
      return LanePinning{{}, "not pinned"};
    case Pinning::kOn:
      return PinAsTold(budget, static_cast<size_t>(lanes));
    case Pinning::kOff:
      break;
  }
  return LanePinning{{}, "not pinned, as told"};
}

}  // namespace siskin::app
