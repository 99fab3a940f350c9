#include "server/admin/http.h"

#include <civetweb.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/json.h"
#include "nlohmann/json.hpp"

namespace siskin::admin {
namespace {

constexpr char kRetryAfterSeconds[] = "1";

int HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kFailedPrecondition:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

}  // namespace

std::string_view HttpRequest::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(absl::string_view(key.data(), key.size()),
                               absl::string_view(name.data(), name.size()))) {
      return value;
    }
  }
  return {};
}

std::string QueryValue(std::string_view query, const char* name) {
  std::string value(query.size() + 1, '\0');  // decoding makes nothing longer
  const int length = mg_get_var(query.data(), query.size(), name, value.data(), value.size());
  value.resize(length > 0 ? static_cast<size_t>(length) : 0);
  return value;
}

HttpResponse ReadOnly() {
  return {.status = 405,
          .body = "This page is read only: use GET or HEAD.\n",
          .headers = {{"Allow", "GET, HEAD"}}};
}

HttpResponse MethodNotAllowed(const char* only) {
  return {.status = 405, .body = absl::StrCat("Use ", only, ".\n"), .headers = {{"Allow", only}}};
}

HttpResponse ErrorResponse(const absl::Status& status, int http_status) {
  const nlohmann::ordered_json body = {{"error",
                                        {{"code", absl::StatusCodeToString(status.code())},
                                         {"message", std::string(status.message())}}}};
  HttpResponse response = {
      .status = http_status, .content_type = kJson, .body = JsonText(body) + "\n"};
  if (http_status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (http_status == 429 || http_status == 503) {
    response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  }
  return response;
}

HttpResponse ErrorResponse(const absl::Status& status) {
  return ErrorResponse(status, HttpStatus(status.code()));
}

}  // namespace siskin::admin
