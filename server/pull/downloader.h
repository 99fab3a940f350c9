// Fetches files over HTTP into memory or onto the disk: follows redirects, goes on where a transfer
// broke off, tries again when that can help, and sends the token to the hub alone.
#ifndef SISKIN_SERVER_PULL_DOWNLOADER_H_
#define SISKIN_SERVER_PULL_DOWNLOADER_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "server/pull/http.h"

namespace siskin::pull {

// Where a download goes. A target may hold the beginning of the file already.
class DownloadTarget {
 public:
  virtual ~DownloadTarget() = default;

  virtual int64_t size() const = 0;             // bytes it holds
  virtual const std::string& etag() const = 0;  // of the file they are of; "" if size() is 0
  // Begins anew with a file of this entity tag; "": one that cannot be continued later.
  virtual absl::Status Restart(const std::string& etag) = 0;
  virtual absl::Status Append(std::string_view bytes) = 0;
};

// A small file, in memory.
class DownloadText : public DownloadTarget {
 public:
  int64_t size() const override { return static_cast<int64_t>(text_.size()); }
  const std::string& etag() const override { return etag_; }
  absl::Status Restart(const std::string& etag) override {
    etag_ = etag;
    text_.clear();
    return absl::OkStatus();
  }
  absl::Status Append(std::string_view bytes) override {
    text_ += bytes;
    return absl::OkStatus();
  }
  const std::string& text() const { return text_; }

 private:
  std::string etag_;
  std::string text_;
};

// A file that is being downloaded: <path>.part, with the URL and the entity tag it is of beside it
// in <path>.part.source, so that a later run can go on. <path> itself appears complete or not at
// all.
//
// Not thread-safe, and one at a time a path.
class PartFile : public DownloadTarget {
 public:
  // Goes on with what an earlier run has left of the same URL: its part, or the whole file, which
  // then is a part that lacks nothing. Anything else that is there is discarded.
  static absl::StatusOr<std::unique_ptr<PartFile>> Open(std::filesystem::path path,
                                                        std::string url);
  ~PartFile() override;
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  int64_t size() const override { return size_; }
  const std::string& etag() const override { return etag_; }
  absl::Status Restart(const std::string& etag) override;
  absl::Status Append(std::string_view bytes) override;

  // The file is complete: waits until it is on disk and moves it to <path>.
  absl::Status Commit();

  const std::filesystem::path& part_path() const { return part_; }

 private:
  PartFile(std::filesystem::path path, std::string url);

  absl::Status ReadSource();

  const std::filesystem::path path_;
  const std::filesystem::path part_;
  const std::filesystem::path source_;
  const std::string url_;
  int descriptor_ = -1;
  int64_t size_ = 0;
  std::string etag_;
};

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

// The wait before attempt `attempt` + 1, at least the response's Retry-After.
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
