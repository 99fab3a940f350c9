// HTTP as a download needs it: URLs and which of them may be fetched, one GET by libcurl, and what
// a response means. Thread-safe.
#ifndef SISKIN_SERVER_PULL_HTTP_H_
#define SISKIN_SERVER_PULL_HTTP_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace siskin::pull {

// An http or https URL.
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

struct HttpTimeouts {
  absl::Duration connect = absl::Seconds(30);
  absl::Duration stall = absl::Seconds(60);  // without a byte arriving; whole seconds
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case

  std::string Header(const std::string& name) const;  // "" if it is not there
};

// Takes a piece of the body; the response's status and headers are complete. An error ends the
// transfer and is what HttpGet returns.
using HttpBody = absl::FunctionRef<absl::Status(const HttpResponse& response, std::string_view)>;

// Redirects are not followed, nothing is retried. Proxies come from http_proxy, https_proxy and
// no_proxy, further certificate authorities from SSL_CERT_FILE. UNAVAILABLE: no connection, or it
// ended early or stalled; another try may succeed. FAILED_PRECONDITION: the certificate is not
// trusted.
absl::StatusOr<HttpResponse> HttpGet(const std::string& url,
                                     const std::vector<std::string>& headers,
                                     const HttpTimeouts& timeouts, HttpBody body);

bool IsRedirect(int status);

// "bytes 5-9/10" is {5, 10}; "bytes */10" has no first. nullopt: something else.
struct ContentRange {
  std::optional<int64_t> first;
  std::optional<int64_t> total;
};
std::optional<ContentRange> ParseContentRange(std::string_view header);

// The entity tag, if it promises the same bytes; "" otherwise ("W/...").
std::string StrongEtag(const HttpResponse& response);

// The file's size; 0 if the response does not say.
int64_t TotalBytes(const HttpResponse& response);

// Seconds only; zero for anything else.
absl::Duration RetryAfter(const HttpResponse& response);

// The hub's error, as a sentence that says what to do. REQUIRES: a status of 400 or above.
absl::Status ErrorOf(const HttpResponse& response, const std::string& url);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_HTTP_H_
