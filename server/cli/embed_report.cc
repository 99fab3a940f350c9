#include "server/cli/embed_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "server/cli/outcome_report.h"
#include "server/cli/table.h"

namespace siskin::cli {
namespace {

constexpr size_t kShownValues = 8;

}  // namespace

void PrintOutcome(const Embedded& outcome, std::ostream& out) {
  PrintHeading(outcome, out);
  if (!outcome.status.ok()) return;
  const auto all = absl::MakeConstSpan(outcome.embedding);
  const auto shown = all.first(std::min(all.size(), kShownValues));
  out << all.size() << " values: " << absl::StrJoin(shown, " ")
      << (shown.size() < all.size() ? " ...\n" : "\n");
}

void PrintOutcomes(const std::vector<Embedded>& outcomes, std::ostream& out) {
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"file"}, {"values", kRight}, {"time", kRight}, {"error"}});
  for (const Embedded& outcome : outcomes) {
    if (outcome.status.ok()) {
      table.AddRow(
          {outcome.file, absl::StrCat(outcome.embedding.size()), Milliseconds(outcome.total), "-"});
    } else {
      table.AddRow({outcome.file, "-", "-", ErrorText(outcome.status)});
    }
  }
  table.Print(out);
}

void PrintOutcomeJson(const Embedded& outcome, std::ostream& out) {
  PrintJson(outcome, {{"embedding", outcome.embedding}}, out);
}

}  // namespace siskin::cli
