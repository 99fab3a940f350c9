// Fetches files over HTTP: follows redirects, goes on where a transfer broke off, tries again when
// that can help, and gives the token to nobody but the hub.
#ifndef SISKIN_SERVER_PULL_DOWNLOADER_H_
#define SISKIN_SERVER_PULL_DOWNLOADER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "server/pull/download_target.h"
#include "server/pull/http.h"
#include "server/pull/url.h"

namespace siskin::pull {

inline constexpr int kMaxAttempts = 5;
inline constexpr int kMaxRedirects = 10;

struct DownloadOptions {
  std::string token;           // sent as "Authorization: Bearer"; empty: none
  std::string token_origin;    // the only origin (Url::origin) it is sent to
  bool insecure_http = false;  // plain http also to other machines
  HttpTimeouts timeouts;
  Clock* clock = &Clock::Real();  // waits between attempts
  // Called as bytes arrive; `total` is 0 while it is not known.
  std::function<void(int64_t done, int64_t total)> on_progress = [](int64_t, int64_t) {};
  // Called before the wait for another attempt.
  std::function<void(const absl::Status& why, absl::Duration wait)> on_retry =
      [](const absl::Status&, absl::Duration) {};
};

// What the first server said about the file, which may lie elsewhere. Empty if it did not.
struct Fetched {
  std::string sha256;  // X-Linked-Etag of the hub, for large files
  std::string commit;  // X-Repo-Commit of the hub
};

// The wait before attempt `attempt` + 1, at least what the server asks for.
absl::Duration RetryDelay(int attempt, absl::Duration retry_after);

// Thread-compatible.
class Downloader {
 public:
  explicit Downloader(DownloadOptions options) : options_(std::move(options)) {}

  // Fills `target` with the whole file. Plain http and redirects to it are refused, except to this
  // machine. NOT_FOUND: 404. PERMISSION_DENIED: 401 and 403. RESOURCE_EXHAUSTED: more than
  // `max_bytes`. UNAVAILABLE: it still failed at the last attempt. The target keeps what came, so
  // that a later call goes on.
  absl::StatusOr<Fetched> Fetch(const std::string& url, DownloadTarget& target, int64_t max_bytes);

 private:
  struct Attempt;

  absl::Status TryOnce(Attempt& attempt);
  absl::Status CheckAllowed(const Url& from, const Url& to) const;
  absl::StatusOr<HttpResponse> Exchange(Attempt& attempt, const Url& url);
  void WaitFor(absl::Duration delay);

  const DownloadOptions options_;
};

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_DOWNLOADER_H_
