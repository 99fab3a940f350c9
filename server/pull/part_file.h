// A file that is being downloaded: <path>.part, with the URL and the entity tag it is of beside it
// in <path>.part.source, so that a later run can go on. <path> itself appears complete or not at
// all.
#ifndef SISKIN_SERVER_PULL_PART_FILE_H_
#define SISKIN_SERVER_PULL_PART_FILE_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/pull/download_target.h"

namespace siskin::pull {

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

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_PART_FILE_H_
