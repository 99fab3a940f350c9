// Takes numbers and runs of bytes from the front of a buffer, in bounds.
#ifndef SISKIN_SERVER_PULL_TORCH_BYTE_READER_H_
#define SISKIN_SERVER_PULL_TORCH_BYTE_READER_H_

#include <cstdint>
#include <cstring>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace siskin::pull {

class ByteReader {
 public:
  explicit ByteReader(absl::Span<const uint8_t> bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }

  // INVALID_ARGUMENT: fewer bytes are left.
  absl::StatusOr<std::string_view> Take(uint64_t count) {
    if (count > remaining()) {
      return absl::InvalidArgumentError(absl::StrCat("truncated at byte ", bytes_.size(), ": ",
                                                     count, " bytes are needed at byte ",
                                                     position_));
    }
    const auto* start = reinterpret_cast<const char*>(bytes_.data() + position_);
    position_ += count;
    return std::string_view(start, count);
  }

  // A little-endian number (as this machine's are).
  template <typename T>
  absl::StatusOr<T> Number() {
    absl::StatusOr<std::string_view> bytes = Take(sizeof(T));
    if (!bytes.ok()) return bytes.status();
    T number;
    std::memcpy(&number, bytes->data(), sizeof(T));
    return number;
  }

  // Up to the next newline, which is taken too. INVALID_ARGUMENT: none within `most` bytes.
  absl::StatusOr<std::string_view> Line(size_t most) {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data() + position_),
                                remaining());
    const size_t end = rest.substr(0, most + 1).find('\n');
    if (end == std::string_view::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("no end of line within ", most, " bytes of byte ", position_));
    }
    position_ += end + 1;
    return rest.substr(0, end);
  }

 private:
  absl::Span<const uint8_t> bytes_;
  size_t position_ = 0;
};

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_TORCH_BYTE_READER_H_
