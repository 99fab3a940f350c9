// Fetches published weights into a model repository, so that they serve without further
// configuration: source, download, conversion, config, labels, and a trial with the server's own
// loader before the model appears in its place.
#ifndef SISKIN_SERVER_PULL_PULL_H_
#define SISKIN_SERVER_PULL_PULL_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "models/model_loader.h"
#include "ops/checkpoint.h"
#include "server/pull/downloader.h"
#include "server/pull/hub.h"

namespace siskin::pull {

struct PullRequest {
  std::string source;  // see ParseSource
  std::filesystem::path repository;
  std::string name;          // of the model's folder; empty: the source's
  std::string architecture;  // or a variant's name; empty: the hub's config, or the source's name
  std::string revision = "main";  // of the hub
  std::string sha256;             // 64 digits that the file must have; empty: any
  int version = 1;
  bool replace = false;  // what is there already
};

struct PullOptions {
  std::string endpoint = kDefaultEndpoint;
  DownloadOptions download;  // token_origin is set to the endpoint's
};

struct PullResult {
  std::string name;
  std::filesystem::path weights;  // in the repository
  int64_t bytes = 0;              // of the weights in the repository
  std::string sha256;             // of the file that was pulled
  models::BoundModel model;
  size_t labels = 0;            // 0: none
  bool assumed_labels = false;  // ImageNet-1k's, because of 1000 classes; the source has none
};

// On an error the repository is as it was; what came over the network stays in its hidden folder
// .pull, and the next call goes on from there.
absl::StatusOr<PullResult> Pull(const PullRequest& request, const PullOptions& options);

// What the config of a pulled model states: the shortest request that loads `checkpoint` as
// `stated` does: the architecture, and each field that differs from what the weights and their
// publisher's conventions give. Errors are those of LoadModel.
absl::StatusOr<models::LoadRequest> StatedDifferences(const ops::Checkpoint& checkpoint,
                                                      const models::LoadRequest& stated);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_PULL_H_
