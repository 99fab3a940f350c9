#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "server/cli/commands.h"
#include "server/cli/embed_client.h"
#include "server/cli/embed_report.h"
#include "server/cli/file_list.h"
#include "server/cli/npy_file.h"
#include "server/cli/photo_command.h"

namespace siskin::cli {
namespace {

constexpr char kFooter[] =
    "An embedding is the pooled feature vector of a classifier: photos of similar content have\n"
    "vectors of similar direction. --npy writes a row a file, in their order; of a file that\n"
    "failed, a row of NaN. A folder stands for every .jpg, .jpeg, .png and .webp below it.\n"
    "Exit codes: 0 all answered, 1 some failed, 2 bad arguments, 4 no server answers.\n"
    "\n"
    "Examples:\n"
    "  siskin embed photo.jpg\n"
    "  siskin embed --l2-normalise holiday-photos/ --npy embeddings.npy\n"
    "  siskin embed --json *.jpg | jq -c '[.file, (.embedding | length)]'\n";

struct EmbedFlags {
  PhotoFlags photos;
  bool l2_normalise = false;
  std::string npy;  // empty: not written
};

int Embed(const EmbedFlags& flags, const Console& console) {
  const auto files = ListImageFiles(flags.photos.paths);
  if (!files.ok()) return Fail(console, files.status(), kExitUsage);
  const auto channel = Connect(flags.photos);
  if (!channel.ok()) return Fail(console, channel.status(), kExitUnreachable);
  std::vector<std::vector<float>> rows;
  const auto keep = [&](const Embedded& outcome) {
    if (!flags.npy.empty()) rows.push_back(outcome.embedding);
  };
  const int exit_code = AskAboutPhotos<Embedded>(
      *files, flags.photos, MakeEmbedder(*channel, flags.photos.call_options(), flags.l2_normalise),
      console, keep);
  if (flags.npy.empty()) return exit_code;
  const absl::Status written = WriteNpy(flags.npy, rows);
  return written.ok() ? exit_code : Fail(console, written);
}

}  // namespace

Command AddEmbedCommand(CLI::App& parent) {
  auto flags = std::make_shared<EmbedFlags>();
  CLI::App* app =
      parent.add_subcommand("embed", "Make feature vectors of photos with a running server");
  app->footer(kFooter);
  AddPhotoFlags(*app, flags->photos);
  app->add_flag("--l2-normalise", flags->l2_normalise,
                "Scale each vector to length 1, so that dot products are cosines");
  app->add_option("--npy", flags->npy, "Also write the vectors to this file, for numpy.load")
      ->type_name("OUT.npy");
  return {app, [flags](const Console& console) { return Embed(*flags, console); }};
}

}  // namespace siskin::cli
