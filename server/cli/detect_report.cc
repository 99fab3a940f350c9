#include "server/cli/detect_report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/cli/outcome_report.h"
#include "server/cli/table.h"
#include "server/pipeline/face_json.h"

namespace siskin::cli {
namespace {

constexpr auto kRight = Table::Align::kRight;

std::string Pixels(float value) { return absl::StrFormat("%.1f", value); }

}  // namespace

void PrintOutcome(const Detected& outcome, std::ostream& out) {
  PrintHeading(outcome, out);
  if (!outcome.status.ok()) return;
  if (outcome.faces.empty()) {
    out << "no face\n";
    return;
  }
  Table table({{"score", kRight},
               {"left", kRight},
               {"top", kRight},
               {"right", kRight},
               {"bottom", kRight}});
  for (const models::Face& face : outcome.faces) {
    table.AddRow({Percent(face.score), Pixels(face.min.x), Pixels(face.min.y), Pixels(face.max.x),
                  Pixels(face.max.y)});
  }
  table.Print(out);
}

void PrintOutcomes(const std::vector<Detected>& outcomes, std::ostream& out) {
  Table table({{"file"}, {"faces", kRight}, {"time", kRight}, {"best score"}});
  for (const Detected& outcome : outcomes) {
    if (!outcome.status.ok()) {
      table.AddRow({outcome.file, "-", "-", ErrorText(outcome.status)});
    } else {
      table.AddRow({outcome.file, absl::StrCat(outcome.faces.size()), Milliseconds(outcome.total),
                    outcome.faces.empty() ? "-" : Percent(outcome.faces.front().score)});
    }
  }
  table.Print(out);
}

void PrintOutcomeJson(const Detected& outcome, std::ostream& out) {
  PrintJson(outcome,
            {{"image", {{"width", outcome.width}, {"height", outcome.height}}},
             {"faces", pipeline::FacesToJson(outcome.faces)}},
            out);
}

}  // namespace siskin::cli
