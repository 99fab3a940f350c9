#include "server/pipeline/exif.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

namespace siskin::pipeline {
namespace {

constexpr std::array<uint8_t, 6> kJpegPrefix = {'E', 'x', 'i', 'f', 0, 0};
constexpr uint16_t kTiffMagic = 42;
constexpr uint16_t kOrientationTag = 0x0112;
constexpr uint16_t kTypeShort = 3;
constexpr size_t kEntryBytes = 12;

// Integers of either byte order at any offset; reading past the end yields nothing.
class TiffReader {
 public:
  TiffReader(absl::Span<const uint8_t> bytes, bool big_endian)
      : bytes_(bytes), big_endian_(big_endian) {}

  std::optional<uint32_t> Read(size_t offset, size_t size) const {
    if (offset > bytes_.size() || bytes_.size() - offset < size) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const size_t shift = big_endian_ ? size - 1 - i : i;
      value |= uint32_t{bytes_[offset + i]} << (8 * shift);
    }
    return value;
  }

 private:
  absl::Span<const uint8_t> bytes_;
  bool big_endian_;
};

std::optional<uint32_t> FindOrientation(const TiffReader& tiff) {
  if (tiff.Read(2, 2) != kTiffMagic) return std::nullopt;
  const std::optional<uint32_t> directory = tiff.Read(4, 4);
  if (!directory) return std::nullopt;
  const size_t begin = *directory;
  const std::optional<uint32_t> entries = tiff.Read(begin, 2);
  if (!entries) return std::nullopt;
  for (size_t i = 0; i < *entries; ++i) {
    const size_t entry = begin + 2 + i * kEntryBytes;
    const std::optional<uint32_t> tag = tiff.Read(entry, 2);
    if (!tag) return std::nullopt;
    if (*tag != kOrientationTag) continue;
    // A value of two bytes sits at the front of the entry's four value bytes in both byte orders.
    if (tiff.Read(entry + 2, 2) != kTypeShort || tiff.Read(entry + 4, 4) != 1) return std::nullopt;
    return tiff.Read(entry + 8, 2);
  }
  return std::nullopt;
}

}  // namespace

int ReadExifOrientation(absl::Span<const uint8_t> block) {
  if (block.size() >= kJpegPrefix.size() &&
      std::equal(kJpegPrefix.begin(), kJpegPrefix.end(), block.begin())) {
    block.remove_prefix(kJpegPrefix.size());
  }
  if (block.size() < 2 || block[0] != block[1] || (block[0] != 'I' && block[0] != 'M')) return 1;
  const uint32_t orientation = FindOrientation(TiffReader(block, block[0] == 'M')).value_or(1);
  return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
}

}  // namespace siskin::pipeline
