#include "server/cli/detect_report.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/cli/outcome_report.h"
#include "server/cli/table.h"

namespace siskin::cli {
namespace {

constexpr auto kRight = Table::Align::kRight;
constexpr const char* kKeyPoints[] = {"right_eye", "left_eye",  "nose",
                                      "mouth",     "right_ear", "left_ear"};

std::string Pixels(float value) { return absl::StrFormat("%.1f", value); }

Json ToJson(const models::Point& point) { return {{"x", point.x}, {"y", point.y}}; }

Json ToJson(const models::Face& face) {
  Json points;
  for (size_t k = 0; k < std::size(kKeyPoints); ++k) {
    points[kKeyPoints[k]] = ToJson(face.key_points[k]);
  }
  return {
      {"score", face.score},
      {"box",
       {{"xmin", face.min.x}, {"ymin", face.min.y}, {"xmax", face.max.x}, {"ymax", face.max.y}}},
      {"key_points", std::move(points)}};
}

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
  Json faces = Json::array();
  for (const models::Face& face : outcome.faces) faces.push_back(ToJson(face));
  PrintJson(outcome,
            {{"image", {{"width", outcome.width}, {"height", outcome.height}}},
             {"faces", std::move(faces)}},
            out);
}

}  // namespace siskin::cli
