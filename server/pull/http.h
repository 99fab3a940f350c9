// One HTTP GET by libcurl: no redirects followed, nothing retried. Proxies come from http_proxy,
// https_proxy and no_proxy, further certificate authorities from SSL_CERT_FILE.
#ifndef SISKIN_SERVER_PULL_HTTP_H_
#define SISKIN_SERVER_PULL_HTTP_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace siskin::pull {

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

// UNAVAILABLE: no connection, or it ended early or stalled; another try may succeed.
// FAILED_PRECONDITION: the certificate is not trusted.
absl::StatusOr<HttpResponse> HttpGet(const std::string& url,
                                     const std::vector<std::string>& headers,
                                     const HttpTimeouts& timeouts, HttpBody body);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_HTTP_H_
