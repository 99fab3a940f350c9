#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "nlohmann/json.hpp"
#include "server/cli/commands.h"
#include "server/cli/remote/npy_file.h"
#include "server/cli/remote/photo_command.h"
#include "siskin/v1/embedder.grpc.pb.h"

namespace siskin::cli {
namespace {

constexpr CommandLine::Info kEmbed = {
    .name = "embed",
    .description = "Make feature vectors of photos with a running server",
    .footer =
        R"(An embedding is the pooled feature vector of a classifier: photos of similar content have
vectors of similar direction. --npy writes a row a file, in their order; of a file that
failed, a row of NaN. A folder stands for every .jpg, .jpeg, .png and .webp below it.
Exit codes: 0 all answered, 1 some failed, 2 bad arguments, 4 no server answers.

Examples:
  siskin embed photo.jpg
  siskin embed --l2-normalise holiday-photos/ --npy embeddings.npy
  siskin embed --json *.jpg | jq -c '[.file, (.embedding | length)]'
)",
};

struct EmbedFlags {
  PhotoFlags photos;
  bool l2_normalise = false;
  std::string npy;  // empty: not written
};

class Embedding : public PhotoAnswer {
 public:
  explicit Embedding(const v1::EmbedResponse& response)
      : values_(response.embedding().begin(), response.embedding().end()) {}

  const std::vector<float>& values() const { return values_; }

  void Print(std::ostream& out) const override {
    constexpr size_t kShownValues = 8;
    const auto shown = absl::MakeConstSpan(values_).first(std::min(values_.size(), kShownValues));
    out << values_.size() << " values: " << absl::StrJoin(shown, " ")
        << (shown.size() < values_.size() ? " ...\n" : "\n");
  }

  Summary Summarise() const override { return {absl::StrCat(values_.size()), "-"}; }

  nlohmann::ordered_json ToJson() const override { return {{"embedding", values_}}; }

 private:
  const std::vector<float> values_;
};

// `row`: where the embedding is also stored if it is to be written; stays empty if the call fails.
Outcome EmbedPhoto(v1::Embedder::Stub& stub, const EmbedFlags& flags, const std::string& file,
                   std::vector<float>& row) {
  v1::EmbedRequest request;
  request.set_l2_normalise(flags.l2_normalise);
  v1::EmbedResponse response;
  Outcome outcome = CallWithPhoto(stub, &v1::Embedder::Stub::Embed, std::move(request), file,
                                  flags.photos, response);
  if (!outcome.status.ok()) return outcome;
  auto answer = std::make_shared<Embedding>(response);
  if (!flags.npy.empty()) row = answer->values();
  outcome.answer = std::move(answer);
  return outcome;
}

int Embed(const EmbedFlags& flags, const Console& console) {
  const auto files = ListPhotos(flags.photos.paths);
  if (!files.ok()) return Fail(console, files.status(), kExitUsage);
  const auto channel = Connect(flags.photos);
  if (!channel.ok()) return Fail(console, channel.status(), kExitUnreachable);
  const auto stub = v1::Embedder::NewStub(*channel);
  std::vector<std::vector<float>> rows(files->size());
  const auto call = [&](size_t i) { return EmbedPhoto(*stub, flags, (*files)[i], rows[i]); };
  const int exit_code =
      RunPhotoCalls(files->size(), flags.photos, call, {"values", "error"}, console);
  if (flags.npy.empty()) return exit_code;
  const absl::Status written = WriteNpy(flags.npy, rows);
  return written.ok() ? exit_code : Fail(console, written);
}

}  // namespace

void AddEmbedCommand(CommandLine& siskin) {
  auto values = std::make_shared<EmbedFlags>();
  Flags flags = siskin.AddCommand(
      kEmbed, [values](const Console& console) { return Embed(*values, console); });
  AddPhotoFlags(values->photos, flags);
  flags.Add("--l2-normalise", values->l2_normalise,
            "Scale each vector to length 1, so that dot products are cosines");
  flags.Add("--npy", values->npy, "Also write the vectors to this file, for numpy.load")
      .ValueName("OUT.npy");
}

}  // namespace siskin::cli
