// http and https URLs: parts, origins, and which of them may be fetched.
#ifndef SISKIN_SERVER_PULL_URL_H_
#define SISKIN_SERVER_PULL_URL_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace siskin::pull {

struct Url {
  std::string text;    // normalised
  std::string scheme;  // "https"
  std::string origin;  // scheme, host and port: "https://huggingface.co:443"
  std::string path;    // "/timm/mobilenetv2_100/resolve/main/config.json"
  bool loopback = false;

  // No one between sees or changes what is sent.
  bool IsPrivate() const { return scheme == "https" || loopback; }
};

// INVALID_ARGUMENT: no http or https URL, or one with a password in it, which belongs into the
// environment.
absl::StatusOr<Url> ParseUrl(std::string_view text);

// Where a Location header leads from `base`.
absl::StatusOr<Url> ResolveUrl(const Url& base, std::string_view location);

// The text with its query left out, which may hold a signature: for messages.
std::string ForMessage(const Url& url);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_URL_H_
