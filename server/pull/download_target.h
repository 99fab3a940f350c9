// Where a download goes. A target may hold the beginning of the file already.
#ifndef SISKIN_SERVER_PULL_DOWNLOAD_TARGET_H_
#define SISKIN_SERVER_PULL_DOWNLOAD_TARGET_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace siskin::pull {

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

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_DOWNLOAD_TARGET_H_
