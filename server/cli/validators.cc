#include "server/cli/validators.h"

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/cpu_budget.h"

namespace siskin::cli {

CLI::Validator SecondsRange(double least, double most) {
  const auto check = [least, most](const std::string& text) -> std::string {
    double value = 0;
    if (absl::SimpleAtod(text, &value) && value >= least && value <= most) return "";
    return absl::StrCat("expected seconds from ", least, " to ", most, ", got '", text, "'");
  };
  return CLI::Validator(check, "");
}

CLI::Validator LanesRange(int least) {
  const auto check = [least](const std::string& text) -> std::string {
    const int most = DetectCpuBudget().lanes();
    int value = 0;
    if (absl::SimpleAtoi(text, &value) && value >= least && value <= most) return "";
    return absl::StrCat("expected ", least, " to ", most,
                        " lanes, one for each core that this process may use, got '", text, "'");
  };
  return CLI::Validator(check, "");
}

}  // namespace siskin::cli
