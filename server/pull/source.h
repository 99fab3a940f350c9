// What `siskin pull` is asked for.
#ifndef SISKIN_SERVER_PULL_SOURCE_H_
#define SISKIN_SERVER_PULL_SOURCE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

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

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_SOURCE_H_
