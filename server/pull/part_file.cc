#include "server/pull/part_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/pull/files.h"

namespace siskin::pull {
namespace {

namespace fs = std::filesystem;

fs::path WithSuffix(const fs::path& path, const char* suffix) { return path.string() + suffix; }

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

}  // namespace siskin::pull
