#include "server/cli/outcome_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/cli/table.h"

namespace siskin::cli {

std::string Milliseconds(absl::Duration duration) {
  return absl::StrFormat("%.1f ms", absl::ToDoubleMilliseconds(duration));
}

std::string Percent(double fraction) { return absl::StrFormat("%.2f %%", fraction * 100); }

std::string ErrorText(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message());
}

void PrintHeading(const Outcome& outcome, std::ostream& out) {
  if (!outcome.status.ok()) {
    out << Printable(absl::StrCat(outcome.file, ": ", ErrorText(outcome.status))) << "\n";
    return;
  }
  out << Printable(absl::StrCat(outcome.file, ": ", outcome.model, " version ", outcome.version,
                                ", ", Milliseconds(outcome.total)))
      << " (queue " << Milliseconds(outcome.queue) << ", decode " << Milliseconds(outcome.decode)
      << ", compute " << Milliseconds(outcome.compute) << ", batch of " << outcome.batch_size
      << ")\n\n";
}

void PrintJson(const Outcome& outcome, const Json& answer, std::ostream& out) {
  Json line = {{"file", outcome.file}};
  if (!outcome.status.ok()) {
    line["error"] = {{"code", absl::StatusCodeToString(outcome.status.code())},
                     {"message", std::string(outcome.status.message())}};
  } else {
    line["model"] = outcome.model;
    line["version"] = outcome.version;
    line.insert(answer.begin(), answer.end());
    line["timing_ms"] = {{"queue", absl::ToDoubleMilliseconds(outcome.queue)},
                         {"decode", absl::ToDoubleMilliseconds(outcome.decode)},
                         {"compute", absl::ToDoubleMilliseconds(outcome.compute)},
                         {"total", absl::ToDoubleMilliseconds(outcome.total)}};
    line["batch_size"] = outcome.batch_size;
    if (!outcome.warning.empty()) line["warning"] = outcome.warning;
  }
  // File names need not be UTF-8, JSON must be.
  out << line.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n" << std::flush;
}

}  // namespace siskin::cli
