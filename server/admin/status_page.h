// The status page: what is loaded and why, plots of what happens, and a box to drop a photo in.
//
//   GET  /                  the page; with a token and without access, a login form (401)
//   GET  /status.mjs ...    its scripts, styles and icon, which tell nothing
//   GET  /api/status        what is loaded, as JSON (server_status.h)
//   POST /api/infer?model=NAME&version=N
//                           a photo as the body, its labels or faces as JSON (photo_inference.h);
//                           model and version as in gRPC: empty for the only one, the newest one
//   POST /api/session       with a token only: the token as the body, a session cookie in return
//
// The plots are made in the browser from /metrics, so that there is one count of everything.
//
// One photo is read and computed at a time; meanwhile others get 429, so that photos never hold
// more than one of the server's threads, nor more memory than one photo. Both POSTs refuse what
// another site may have started (access.h). Errors are JSON (http.h).
//
// Thread-safe.
#ifndef SISKIN_SERVER_ADMIN_STATUS_PAGE_H_
#define SISKIN_SERVER_ADMIN_STATUS_PAGE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "server/admin/access.h"
#include "server/admin/http.h"

namespace siskin::admin {

// A photo and the model that it is for.
struct PhotoQuestion {
  std::string model;    // empty: the only one
  std::string version;  // empty: the newest one
  std::string photo;    // an image file
};

class StatusPage {
 public:
  struct Options {
    std::string token;  // empty: everybody who reaches the page may use it
    int64_t max_photo_bytes = int64_t{16} << 20;
  };
  // Both answer with JSON. `infer` blocks until there is an answer; it is called by one thread at a
  // time.
  struct Sources {
    std::function<std::string()> status;
    std::function<absl::StatusOr<std::string>(const PhotoQuestion&)> infer;
  };

  StatusPage(Options options, Sources sources)
      : options_(std::move(options)), access_(options_.token), sources_(std::move(sources)) {}

  // Nothing: no page of this one.
  std::optional<HttpResponse> Handle(const HttpRequest& request);

 private:
  HttpResponse Status(const HttpRequest& request) const;
  HttpResponse Infer(const HttpRequest& request);
  HttpResponse LogIn(const HttpRequest& request) const;

  const Options options_;
  const Access access_;
  const Sources sources_;
  std::atomic<bool> busy_ = false;  // with a photo
};

}  // namespace siskin::admin

#endif  // SISKIN_SERVER_ADMIN_STATUS_PAGE_H_
