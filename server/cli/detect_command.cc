#include <memory>
#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "server/cli/commands.h"
#include "server/cli/detect_client.h"
#include "server/cli/detect_report.h"
#include "server/cli/face_drawing.h"
#include "server/cli/file_list.h"
#include "server/cli/photo_command.h"

namespace siskin::cli {
namespace {

constexpr char kFooter[] =
    "One file gives its faces, in pixels of the upright photo; several give a line each. A folder\n"
    "stands for every .jpg, .jpeg, .png and .webp below it. --draw takes one photo.\n"
    "Exit codes: 0 all answered, 1 some failed, 2 bad arguments, 4 no server answers.\n"
    "\n"
    "Examples:\n"
    "  siskin detect photo.jpg --draw out.png\n"
    "  siskin detect --model blazeface_back --min-score 0.5 holiday-photos/\n"
    "  siskin detect --json *.jpg | jq -c '[.file, (.faces | length)]'\n";

struct DetectFlags {
  PhotoFlags photos;
  DetectOptions detect;
  std::string draw;  // empty: not drawn
};

// The same, and what it finds is drawn. A drawing that fails is an error of the file.
Ask<Detected> AndDraw(Ask<Detected> ask, const std::string& png) {
  return [ask = std::move(ask), png](const std::string& file) {
    Detected outcome = ask(file);
    if (outcome.status.ok()) outcome.status = DrawFacesToFile(file, outcome.faces, png);
    return outcome;
  };
}

int Detect(const DetectFlags& flags, const Console& console) {
  const auto files = ListImageFiles(flags.photos.paths);
  if (!files.ok()) return Fail(console, files.status(), kExitUsage);
  if (!flags.draw.empty() && files->size() != 1) {
    return Fail(console, absl::StrCat("--draw takes one photo, not ", files->size()), kExitUsage);
  }
  const auto channel = Connect(flags.photos);
  if (!channel.ok()) return Fail(console, channel.status(), kExitUnreachable);
  Ask<Detected> ask = MakeFaceDetector(*channel, flags.photos.call_options(), flags.detect);
  if (!flags.draw.empty()) ask = AndDraw(std::move(ask), flags.draw);
  return AskAboutPhotos<Detected>(*files, flags.photos, ask, console);
}

}  // namespace

Command AddDetectCommand(CLI::App& parent) {
  auto flags = std::make_shared<DetectFlags>();
  CLI::App* app = parent.add_subcommand("detect", "Find faces in photos with a running server");
  app->footer(kFooter);
  AddPhotoFlags(*app, flags->photos);
  app->add_option("--min-score", flags->detect.min_score,
                  "Report faces from this score on, 0 to 1 (default: the model's own)")
      ->type_name("SCORE")
      ->check(CLI::Range(0.0, 1.0));
  app->add_option("--max-faces", flags->detect.max_faces, "Report the best N only (default: all)")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20));
  app->add_option("--draw", flags->draw, "Write the photo with its faces marked to this PNG file")
      ->type_name("OUT.png");
  return {app, [flags](const Console& console) { return Detect(*flags, console); }};
}

}  // namespace siskin::cli
