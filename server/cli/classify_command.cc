#include <memory>

#include "CLI/CLI.hpp"
#include "server/cli/classify_client.h"
#include "server/cli/classify_report.h"
#include "server/cli/commands.h"
#include "server/cli/file_list.h"
#include "server/cli/photo_command.h"

namespace siskin::cli {
namespace {

constexpr char kFooter[] =
    "One file gives its best classes; several give a line each. A folder stands for every .jpg,\n"
    ".jpeg, .png and .webp below it.\n"
    "Exit codes: 0 all classified, 1 some failed, 2 bad arguments, 4 no server answers.\n"
    "\n"
    "Examples:\n"
    "  siskin classify cat.jpg\n"
    "  siskin classify --model mobilenet_v2 --concurrency 16 holiday-photos/\n"
    "  siskin classify --json *.jpg | jq -r '.file + \" \" + .classifications[0].label'\n";

struct ClassifyFlags {
  PhotoFlags photos;
  int top_k = 5;
};

int Classify(const ClassifyFlags& flags, const Console& console) {
  const auto files = ListImageFiles(flags.photos.paths);
  if (!files.ok()) return Fail(console, files.status(), kExitUsage);
  const auto channel = Connect(flags.photos);
  if (!channel.ok()) return Fail(console, channel.status(), kExitUnreachable);
  return AskAboutPhotos<Classified>(
      *files, flags.photos, MakeClassifier(*channel, flags.photos.call_options(), flags.top_k),
      console);
}

}  // namespace

Command AddClassifyCommand(CLI::App& parent) {
  auto flags = std::make_shared<ClassifyFlags>();
  CLI::App* app = parent.add_subcommand("classify", "Classify photos with a running server");
  app->footer(kFooter);
  AddPhotoFlags(*app, flags->photos);
  app->add_option("--top-k", flags->top_k, "Classes to show for one file")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  return {app, [flags](const Console& console) { return Classify(*flags, console); }};
}

}  // namespace siskin::cli
