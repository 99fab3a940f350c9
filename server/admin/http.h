// One HTTP exchange as the pages see it: plain data, so that pages are tested without a socket.
#ifndef SISKIN_SERVER_ADMIN_HTTP_H_
#define SISKIN_SERVER_ADMIN_HTTP_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace siskin::admin {

inline constexpr char kPlainText[] = "text/plain; charset=utf-8";
inline constexpr char kJson[] = "application/json";

// Everything is borrowed from the connection.
struct HttpRequest {
  std::string_view method;
  std::string_view path;
  std::string_view query;  // without its question mark
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  int64_t content_length = -1;  // of the body, in bytes; -1: the client does not say
  // Reads the body, `content_length` bytes; nothing if it ends early or comes too slowly. Called at
  // most once, by the handler that needs the body. REQUIRES: content_length >= 0.
  std::function<std::optional<std::string>()> read_body = nullptr;

  // By name, in any case; empty if there is none.
  std::string_view Header(std::string_view name) const;
  bool reads_only() const { return method == "GET" || method == "HEAD"; }
};

struct HttpResponse {
  int status = 200;
  std::string content_type = kPlainText;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};  // besides those of every answer
};

// The decoded value of `name` in a query such as "model=a&version=1"; empty if there is none.
std::string QueryValue(std::string_view query, const char* name);

HttpResponse ReadOnly();                          // 405: this page takes GET and HEAD
HttpResponse MethodNotAllowed(const char* only);  // 405: this one takes `only`

// The one place where an absl::Status becomes what an HTTP client sees:
// {"error":{"code":"NOT_FOUND","message":"..."}}. INVALID_ARGUMENT is 400, UNAUTHENTICATED 401,
// PERMISSION_DENIED 403, NOT_FOUND 404, RESOURCE_EXHAUSTED 429, UNAVAILABLE and FAILED_PRECONDITION
// (known, not ready) 503, DEADLINE_EXCEEDED 504, all else 500. 429 and 503 say when to come back.
HttpResponse ErrorResponse(const absl::Status& status);
// The same with the number that HTTP has for a more special case.
HttpResponse ErrorResponse(const absl::Status& status, int http_status);

}  // namespace siskin::admin

#endif  // SISKIN_SERVER_ADMIN_HTTP_H_
