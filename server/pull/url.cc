#include "server/pull/url.h"

#include <curl/curl.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ops/safetensors_header.h"

namespace siskin::pull {
namespace {

struct Deleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Handle = std::unique_ptr<CURLU, Deleter>;

std::string Part(const Handle& url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK) return "";
  std::string copy = text;
  curl_free(text);
  return copy;
}

bool IsLoopback(const std::string& host) {
  const bool is_number = host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "[::1]" || (is_number && absl::StartsWith(host, "127."));
}

// Sets the whole of `url`, or what a relative `text` changes of it.
absl::StatusOr<Url> Parse(const Handle& url, std::string_view text) {
  const std::string quoted = ops::QuoteForMessage(text);
  const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0);
  if (code != CURLUE_OK) {
    return absl::InvalidArgumentError(
        absl::StrCat(quoted, " is no URL: ", curl_url_strerror(code)));
  }
  Url parsed;
  parsed.scheme = Part(url, CURLUPART_SCHEME);
  const std::string host = Part(url, CURLUPART_HOST);
  if (parsed.scheme != "https" && parsed.scheme != "http") {
    return absl::InvalidArgumentError(absl::StrCat(quoted, ": expected an https URL"));
  }
  if (!Part(url, CURLUPART_USER).empty() || !Part(url, CURLUPART_PASSWORD).empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(parsed.scheme, "://", host, ": a URL with a user or password is not used"));
  }
  parsed.text = Part(url, CURLUPART_URL);
  parsed.path = Part(url, CURLUPART_PATH);
  parsed.origin =
      absl::StrCat(parsed.scheme, "://", host, ":", Part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT));
  // Not what a name resolves to: names of others may point to this machine.
  parsed.loopback = IsLoopback(host);
  return parsed;
}

}  // namespace

absl::StatusOr<Url> ParseUrl(std::string_view text) { return Parse(Handle(curl_url()), text); }

absl::StatusOr<Url> ResolveUrl(const Url& base, std::string_view location) {
  Handle url(curl_url());
  curl_url_set(url.get(), CURLUPART_URL, base.text.c_str(), 0);
  return Parse(url, location);
}

std::string ForMessage(const Url& url) { return url.text.substr(0, url.text.find('?')); }

}  // namespace siskin::pull
