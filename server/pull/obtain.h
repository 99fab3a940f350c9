// The first half of a pull: the file of weights, fetched and verified, and what came with it.
#ifndef SISKIN_SERVER_PULL_OBTAIN_H_
#define SISKIN_SERVER_PULL_OBTAIN_H_

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "server/pull/hub_config.h"
#include "server/pull/pull.h"
#include "server/pull/source.h"

namespace siskin::pull {

struct Obtained {
  std::filesystem::path file;
  std::string sha256;
  HubModel facts;
};

// What is downloaded goes to `download`; a local file stays where it is. The architecture is the
// request's, the hub's, or the source's name if that is a network's, and else empty. NOT_FOUND: no
// such source. INVALID_ARGUMENT: a network that is not known. DATA_LOSS: the checksum is not what
// the user, the hub or the file's name say. Others: see Downloader::Fetch.
absl::StatusOr<Obtained> Obtain(const PullRequest& request, const PullOptions& options,
                                const Source& source, const std::filesystem::path& download);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_OBTAIN_H_
