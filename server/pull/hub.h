// Models of a Hugging Face hub, or of a mirror with the same paths: <endpoint>/<owner>/<name>/
// resolve/<revision>/<file>.
#ifndef SISKIN_SERVER_PULL_HUB_H_
#define SISKIN_SERVER_PULL_HUB_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/pull/downloader.h"
#include "server/pull/hub_config.h"

namespace siskin::pull {

inline constexpr char kDefaultEndpoint[] = "https://huggingface.co";

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
