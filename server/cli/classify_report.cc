#include "server/cli/classify_report.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "server/cli/table.h"

namespace siskin::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr auto kRight = Table::Align::kRight;

std::string Milliseconds(absl::Duration duration) {
  return absl::StrFormat("%.1f ms", absl::ToDoubleMilliseconds(duration));
}

std::string Percent(double probability) { return absl::StrFormat("%.2f %%", probability * 100); }

std::string ErrorText(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message());
}

}  // namespace

void PrintOutcome(const Outcome& outcome, std::ostream& out) {
  if (!outcome.status.ok()) {
    out << Printable(absl::StrCat(outcome.file, ": ", ErrorText(outcome.status))) << "\n";
    return;
  }
  out << Printable(absl::StrCat(outcome.file, ": ", outcome.model, " version ", outcome.version,
                                ", ", Milliseconds(outcome.total)))
      << " (queue " << Milliseconds(outcome.queue) << ", decode " << Milliseconds(outcome.decode)
      << ", compute " << Milliseconds(outcome.compute) << ", batch of " << outcome.batch_size
      << ")\n\n";
  Table table({{"probability", kRight}, {"class", kRight}, {"label"}});
  for (const Label& label : outcome.labels) {
    table.AddRow({Percent(label.probability), absl::StrCat(label.index), label.name});
  }
  table.Print(out);
}

void PrintOutcomes(const std::vector<Outcome>& outcomes, std::ostream& out) {
  Table table({{"file"}, {"probability", kRight}, {"time", kRight}, {"label"}});
  for (const Outcome& outcome : outcomes) {
    if (!outcome.status.ok()) {
      table.AddRow({outcome.file, "-", "-", ErrorText(outcome.status)});
    } else if (outcome.labels.empty()) {
      table.AddRow({outcome.file, "-", Milliseconds(outcome.total), "-"});
    } else {
      const Label& best = outcome.labels.front();
      table.AddRow(
          {outcome.file, Percent(best.probability), Milliseconds(outcome.total), best.name});
    }
  }
  table.Print(out);
}

void PrintOutcomeJson(const Outcome& outcome, std::ostream& out) {
  Json line = {{"file", outcome.file}};
  if (!outcome.status.ok()) {
    line["error"] = {{"code", absl::StatusCodeToString(outcome.status.code())},
                     {"message", std::string(outcome.status.message())}};
  } else {
    line["model"] = outcome.model;
    line["version"] = outcome.version;
    line["classifications"] = Json::array();
    for (const Label& label : outcome.labels) {
      line["classifications"].push_back(
          {{"index", label.index}, {"label", label.name}, {"probability", label.probability}});
    }
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
