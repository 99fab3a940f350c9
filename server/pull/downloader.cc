#include "server/pull/downloader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/status_macros.h"
#include "server/pull/files.h"

namespace siskin::pull {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kFirstDelay = absl::Seconds(1);
constexpr absl::Duration kMaxDelay = absl::Minutes(2);
constexpr int64_t kMaxErrorPageBytes = int64_t{1} << 20;
constexpr size_t kCommitDigits = 40;

fs::path WithSuffix(const fs::path& path, const char* suffix) { return path.string() + suffix; }

// `text` without its quotes if it is that many hexadecimal digits; "" otherwise.
std::string HexDigits(std::string text, size_t count) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  const bool hex = text.find_first_not_of("0123456789abcdef") == std::string::npos;
  return hex && text.size() == count ? text : "";
}

absl::Status TooLarge(int64_t max_bytes) {
  return absl::ResourceExhaustedError(
      absl::StrCat("the file is larger than ", max_bytes, " bytes, more than is expected here"));
}

absl::Status At(const Url& url, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(ForMessage(url), ": ", status.message()));
}

}  // namespace

PartFile::PartFile(fs::path path, std::string url)
    : path_(std::move(path)),
      part_(WithSuffix(path_, ".part")),
      source_(WithSuffix(path_, ".part.source")),
      url_(std::move(url)) {}

PartFile::~PartFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  std::error_code unused;
  if (size_ == 0) fs::remove(part_, unused);
}

absl::StatusOr<std::unique_ptr<PartFile>> PartFile::Open(fs::path path, std::string url) {
  std::unique_ptr<PartFile> file(new PartFile(std::move(path), std::move(url)));
  if (fs::exists(file->path_)) SISKIN_RETURN_IF_ERROR(MoveInto(file->path_, file->part_));
  file->descriptor_ =
      open(file->part_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, /*mode=*/0666);
  if (file->descriptor_ < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", file->part_.string()));
  }
  SISKIN_RETURN_IF_ERROR(file->ReadSource());
  return file;
}

absl::Status PartFile::ReadSource() {
  std::ifstream source(source_);
  std::string url;
  std::getline(source, url);
  std::getline(source, etag_);
  if (url != url_ || etag_.empty()) return Restart("");
  std::error_code error;
  size_ = static_cast<int64_t>(fs::file_size(part_, error));
  return error ? absl::ErrnoToStatus(error.value(), part_.string()) : absl::OkStatus();
}

absl::Status PartFile::Restart(const std::string& etag) {
  // In this order, so that no part ever stands beside the tag of another file.
  std::error_code error;
  fs::remove(source_, error);
  if (error || ftruncate(descriptor_, 0) != 0) {
    return absl::ErrnoToStatus(error ? error.value() : errno,
                               absl::StrCat("cannot clear ", part_.string()));
  }
  size_ = 0;
  etag_ = etag;
  return etag.empty() ? absl::OkStatus() : WriteFile(source_, absl::StrCat(url_, "\n", etag, "\n"));
}

absl::Status PartFile::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", part_.string()));
    }
    size_ += written;
    bytes.remove_prefix(written);
  }
  return absl::OkStatus();
}

absl::Status PartFile::Commit() {
  SISKIN_RETURN_IF_ERROR(Sync(part_));
  return MoveInto(part_, path_);
}

// One try, over all its redirects.
struct Downloader::Attempt {
  const std::string& url;
  DownloadTarget& target;
  const int64_t max_bytes;
  Fetched fetched = {};
  absl::Duration retry_after = absl::ZeroDuration();
  int64_t total = 0;

  // Before the first byte of the body.
  absl::Status Begin(const HttpResponse& response) {
    total = TotalBytes(response);
    if (total > max_bytes) return TooLarge(max_bytes);
    if (response.status != 206) return target.Restart(StrongEtag(response));
    const auto range = ParseContentRange(response.Header("content-range"));
    const bool continues =
        range.has_value() && range->first == target.size() && StrongEtag(response) == target.etag();
    if (continues) return absl::OkStatus();
    SISKIN_RETURN_IF_ERROR(target.Restart(""));
    return absl::UnavailableError("the server went on with another file or place");
  }

  absl::Status Append(std::string_view bytes) {
    if (target.size() + static_cast<int64_t>(bytes.size()) > max_bytes) return TooLarge(max_bytes);
    return target.Append(bytes);
  }

  // After the last byte, or an answer without any.
  absl::Status Conclude(const HttpResponse& response, const Url& at) {
    if (response.status == 416) {
      const auto range = ParseContentRange(response.Header("content-range"));
      if (range.has_value() && range->total == target.size()) return absl::OkStatus();
      SISKIN_RETURN_IF_ERROR(target.Restart(""));
      return absl::UnavailableError("the file has changed since it was begun");
    }
    retry_after = RetryAfter(response);
    if (response.status >= 300) return ErrorOf(response, ForMessage(at));
    if (target.size() == total || total == 0) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("ended after ", target.size(), " of ", total, " bytes"));
  }
};

absl::Duration RetryDelay(int attempt, absl::Duration retry_after) {
  return std::max(kFirstDelay * (1 << (attempt - 1)), retry_after);
}

absl::StatusOr<Fetched> Downloader::Fetch(const std::string& url, DownloadTarget& target,
                                          int64_t max_bytes) {
  for (int tried = 1;; ++tried) {
    Attempt attempt{.url = url, .target = target, .max_bytes = max_bytes};
    const absl::Status status = TryOnce(attempt);
    if (status.ok()) return attempt.fetched;
    const absl::Duration delay = RetryDelay(tried, attempt.retry_after);
    if (!absl::IsUnavailable(status)) return status;
    if (tried == kMaxAttempts || delay > kMaxDelay) {
      return absl::UnavailableError(absl::StrCat(
          status.message(), "; gave up after ", tried, tried == 1 ? " attempt" : " attempts",
          delay > kMaxDelay ? absl::StrCat(", since the server asks to wait ",
                                           absl::FormatDuration(attempt.retry_after))
                            : "",
          ". The same command goes on where this one stopped"));
    }
    options_.on_retry(status, delay);
    WaitFor(delay);
  }
}

absl::Status Downloader::TryOnce(Attempt& attempt) {
  SISKIN_ASSIGN_OR_RETURN(Url at, ParseUrl(attempt.url));
  SISKIN_RETURN_IF_ERROR(CheckAllowed(at, at));
  for (int hops = 0; hops <= kMaxRedirects; ++hops) {
    const absl::StatusOr<HttpResponse> response = Exchange(attempt, at);
    if (!response.ok()) return At(at, response.status());
    if (hops == 0) {
      attempt.fetched.sha256 = HexDigits(response->Header("x-linked-etag"), kSha256Digits);
      attempt.fetched.commit = HexDigits(response->Header("x-repo-commit"), kCommitDigits);
    }
    if (!IsRedirect(response->status)) return attempt.Conclude(*response, at);
    SISKIN_ASSIGN_OR_RETURN(const Url next, ResolveUrl(at, response->Header("location")));
    SISKIN_RETURN_IF_ERROR(CheckAllowed(at, next));
    at = next;
  }
  return absl::FailedPreconditionError(
      absl::StrCat(attempt.url, ": more than ", kMaxRedirects, " redirects"));
}

absl::Status Downloader::CheckAllowed(const Url& from, const Url& to) const {
  if (from.scheme == "https" && to.scheme != "https") {
    return absl::FailedPreconditionError(
        absl::StrCat(ForMessage(from), ": redirects to plain http, ", ForMessage(to)));
  }
  if (to.IsPrivate() || options_.insecure_http) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(ForMessage(to),
                   ": plain http lets anyone on the way replace the file; use https, or accept "
                   "it with --insecure-http"));
}

absl::StatusOr<HttpResponse> Downloader::Exchange(Attempt& attempt, const Url& url) {
  DownloadTarget& target = attempt.target;
  std::vector<std::string> headers;
  if (target.size() > 0 && !target.etag().empty()) {
    headers.push_back(absl::StrCat("Range: bytes=", target.size(), "-"));
    headers.push_back(absl::StrCat("If-Range: ", target.etag()));
  }
  if (!options_.token.empty() && url.origin == options_.token_origin && url.IsPrivate()) {
    headers.push_back(absl::StrCat("Authorization: Bearer ", options_.token));
  }
  bool begun = false;
  int64_t error_page = 0;
  const auto take = [&](const HttpResponse& response, std::string_view bytes) -> absl::Status {
    if (response.status != 200 && response.status != 206) {
      error_page += static_cast<int64_t>(bytes.size());
      if (error_page <= kMaxErrorPageBytes) return absl::OkStatus();
      return absl::UnavailableError(
          absl::StrCat("HTTP ", response.status, ", with an endless page"));
    }
    if (!std::exchange(begun, true)) SISKIN_RETURN_IF_ERROR(attempt.Begin(response));
    SISKIN_RETURN_IF_ERROR(attempt.Append(bytes));
    options_.on_progress(target.size(), attempt.total);
    return absl::OkStatus();
  };
  SISKIN_ASSIGN_OR_RETURN(HttpResponse response,
                          HttpGet(url.text, headers, options_.timeouts, take));
  // An empty file has no first byte.
  if (response.status == 200 && !begun) SISKIN_RETURN_IF_ERROR(attempt.Begin(response));
  return response;
}

void Downloader::WaitFor(absl::Duration delay) {
  absl::Mutex mutex;
  CondVar never;
  absl::MutexLock lock(&mutex);
  const MonotonicTime end = options_.clock->Now() + delay;
  while (options_.clock->Now() < end) options_.clock->WaitUntil(never, mutex, end);
}

}  // namespace siskin::pull
