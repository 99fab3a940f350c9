// The first half of a pull: what `siskin pull` is given as its source, and the file of weights from
// there, fetched and verified, with what came with it.
#ifndef SISKIN_SERVER_PULL_SOURCE_H_
#define SISKIN_SERVER_PULL_SOURCE_H_

#include <filesystem>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/pull/hub.h"
#include "server/pull/pull.h"

namespace siskin::pull {

struct Source {
  enum class Kind { kHub, kUrl, kFile };

  Kind kind = Kind::kFile;
  std::string location;  // "timm/mobilenetv2_100.ra_in1k", a URL, or a path
  // Of the model's folder: the location's last part without its suffix. Empty if that says nothing
  // ("model.safetensors").
  std::string name;
  // The first digits of the file's SHA-256, where its name states them as torch's files do
  // ("mobilenet_v2-b0353104.pth"). Empty otherwise.
  std::string sha256_prefix;
};

// "owner/name" is a repository of the hub, what contains "://" a URL, anything else a file. A file
// of the form "owner/name" has a suffix of weights, or is written "./owner/name". INVALID_ARGUMENT:
// neither.
absl::StatusOr<Source> ParseSource(std::string_view text);

struct Obtained {
  std::filesystem::path file;  // of weights
  std::string sha256;          // of the file
  HubModel facts;              // of the hub; of other sources, the architecture alone
};

// What is downloaded goes to `download`; a local file stays where it is. The architecture is the
// request's, the hub's, or the source's name if that is a network's, and else empty. NOT_FOUND: no
// such source. INVALID_ARGUMENT: a network that is not known. DATA_LOSS: the checksum is not what
// the user, the hub or the file's name say. Others: see Downloader::Fetch.
absl::StatusOr<Obtained> Obtain(const PullRequest& request, const PullOptions& options,
                                const Source& source, const std::filesystem::path& download);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_SOURCE_H_
