#include "server/cli/machine.h"

#include <fstream>
#include <sstream>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/cpu_budget.h"
#include "ops/plan.h"

namespace siskin::cli {

std::string CpuModelName(const std::string& cpuinfo) {
  for (absl::string_view line : absl::StrSplit(cpuinfo, '\n')) {
    if (!absl::ConsumePrefix(&line, "model name")) continue;
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos) continue;
    return std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  }
  return "unknown";
}

Machine DescribeMachine() {
  std::ostringstream cpuinfo;
  cpuinfo << std::ifstream("/proc/cpuinfo").rdbuf();
  return {.cpu = CpuModelName(cpuinfo.str()),
          .isa = ops::OneDnnIsa(),
          .onednn = ops::OneDnnVersion(),
          .cores = DetectCpuBudget().lanes()};
}

}  // namespace siskin::cli
