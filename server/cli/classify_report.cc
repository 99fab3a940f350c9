#include "server/cli/classify_report.h"

#include "absl/strings/str_cat.h"
#include "server/cli/outcome_report.h"
#include "server/cli/table.h"

namespace siskin::cli {
namespace {

constexpr auto kRight = Table::Align::kRight;

}  // namespace

void PrintOutcome(const Classified& outcome, std::ostream& out) {
  PrintHeading(outcome, out);
  if (!outcome.status.ok()) return;
  Table table({{"probability", kRight}, {"class", kRight}, {"label"}});
  for (const Label& label : outcome.labels) {
    table.AddRow({Percent(label.probability), absl::StrCat(label.index), label.name});
  }
  table.Print(out);
}

void PrintOutcomes(const std::vector<Classified>& outcomes, std::ostream& out) {
  Table table({{"file"}, {"probability", kRight}, {"time", kRight}, {"label"}});
  for (const Classified& outcome : outcomes) {
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

void PrintOutcomeJson(const Classified& outcome, std::ostream& out) {
  Json labels = Json::array();
  for (const Label& label : outcome.labels) {
    labels.push_back(
        {{"index", label.index}, {"label", label.name}, {"probability", label.probability}});
  }
  PrintJson(outcome, {{"classifications", std::move(labels)}}, out);
}

}  // namespace siskin::cli
