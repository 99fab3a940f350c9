#include "server/admin/status_page.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "server/admin/page_assets.h"

namespace siskin::admin {
namespace {

constexpr int64_t kMaxTokenBytes = 1024;

HttpResponse AssetResponse(const PageAsset& asset, int status = 200) {
  return {.status = status, .content_type = asset.content_type, .body = std::string(asset.content)};
}

HttpResponse Unauthenticated() {
  return ErrorResponse(absl::UnauthenticatedError(
      "this server's status page needs its token: send 'Authorization: Bearer TOKEN', or log in"));
}

// What a POST must be before its body is read.
std::optional<HttpResponse> CheckPost(const HttpRequest& request, int64_t max_bytes) {
  if (request.method != "POST") return MethodNotAllowed("POST");
  if (MayBeCrossSite(request)) {
    return ErrorResponse(absl::PermissionDeniedError(
        "only this server's own page may ask this; a program sends a header 'X-Requested-With'"));
  }
  if (request.content_length < 0) {
    return ErrorResponse(absl::InvalidArgumentError("the request needs a Content-Length"), 411);
  }
  if (request.content_length > max_bytes) {
    return ErrorResponse(absl::InvalidArgumentError(absl::StrCat(
                             "the body has ", request.content_length, " bytes, this server takes ",
                             max_bytes, " at most: send a smaller one")),
                         413);
  }
  return std::nullopt;
}

HttpResponse IncompleteBody() {
  return ErrorResponse(absl::InvalidArgumentError("the body ended early or came too slowly"), 408);
}

}  // namespace

std::optional<HttpResponse> StatusPage::Handle(const HttpRequest& request) {
  if (request.path == "/api/status") return Status(request);
  if (request.path == "/api/infer") return Infer(request);
  if (request.path == "/api/session" && access_.has_token()) return LogIn(request);
  const PageAsset* asset = FindPageAsset(request.path);
  if (asset == nullptr) return std::nullopt;
  if (!request.reads_only()) return ReadOnly();
  if (request.path == "/" && !access_.Allows(request)) return AssetResponse(LoginPage(), 401);
  return AssetResponse(*asset);
}

HttpResponse StatusPage::Status(const HttpRequest& request) const {
  if (!request.reads_only()) return ReadOnly();
  if (!access_.Allows(request)) return Unauthenticated();
  return {.content_type = kJson, .body = sources_.status()};
}

HttpResponse StatusPage::Infer(const HttpRequest& request) {
  if (auto refusal = CheckPost(request, options_.max_photo_bytes)) return *std::move(refusal);
  if (!access_.Allows(request)) return Unauthenticated();
  if (busy_.exchange(true)) {
    return ErrorResponse(absl::ResourceExhaustedError(
        "the status page is busy with another photo (it takes one at a time); retry later"));
  }
  const absl::Cleanup free = [this] { busy_ = false; };
  std::optional<std::string> photo = request.read_body();
  if (!photo.has_value()) return IncompleteBody();
  const auto answer = sources_.infer({.model = QueryValue(request.query, "model"),
                                      .version = QueryValue(request.query, "version"),
                                      .photo = *std::move(photo)});
  if (!answer.ok()) return ErrorResponse(answer.status());
  return {.content_type = kJson, .body = *answer};
}

HttpResponse StatusPage::LogIn(const HttpRequest& request) const {
  if (auto refusal = CheckPost(request, kMaxTokenBytes)) return *std::move(refusal);
  const std::optional<std::string> token = request.read_body();
  if (!token.has_value()) return IncompleteBody();
  if (!access_.IsToken(*token)) {
    return ErrorResponse(absl::UnauthenticatedError("this is not the token of this server"));
  }
  return {.body = "ok\n", .headers = {{"Set-Cookie", access_.SessionCookie()}}};
}

}  // namespace siskin::admin
