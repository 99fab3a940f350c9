// Models of a Hugging Face hub, or of a mirror with the same paths: <endpoint>/<owner>/<name>/
// resolve/<revision>/<file>.
#ifndef SISKIN_SERVER_PULL_HUB_H_
#define SISKIN_SERVER_PULL_HUB_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "models/model_loader.h"
#include "server/pull/downloader.h"

namespace siskin::pull {

inline constexpr char kDefaultEndpoint[] = "https://huggingface.co";

// What the config files of a model say: its network, its input, its labels.
struct HubModel {
  models::LoadRequest load;         // what is stated, be it the default or not
  std::vector<std::string> labels;  // of the classes, without a background row; empty: none stated
};

// `config` is a config.json of timm ("architecture", "pretrained_cfg") or of transformers
// ("model_type": mobilenet_v1 or mobilenet_v2); `preprocessor` the preprocessor_config.json that
// the latter comes with, or empty. INVALID_ARGUMENT: another network, or an input that the server
// cannot make; says which field.
absl::StatusOr<HubModel> ReadHubConfig(std::string_view config, std::string_view preprocessor);

// One model at one revision. Thread-compatible.
class HubRepository {
 public:
  // `revision`: a branch, tag or commit.
  HubRepository(std::string endpoint, std::string repository, std::string revision,
                Downloader& downloader);

  // Its config files. From here on the revision is the commit they are of, so that the weights are
  // of the same one. NOT_FOUND: no such repository, or none with a config.json.
  absl::StatusOr<HubModel> FetchModel();

  // Where its weights may be, best first: safetensors, then what transformers wrote before.
  std::vector<std::string> WeightUrls() const;

 private:
  std::string Url(const char* file) const;
  // Its text, or "" if there is no such file.
  absl::StatusOr<std::string> FetchOptional(const char* file);

  const std::string endpoint_;
  const std::string repository_;
  std::string revision_;
  Downloader& downloader_;
};

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_HUB_H_
