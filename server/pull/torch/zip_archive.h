// The entries of a zip archive as torch.save writes it: stored, not compressed.
//
// Strict, since nothing else comes from torch: entries must lie within the file and not overlap,
// their headers must agree with the directory, and there is no comment behind the directory.
// Checksums are not verified, because torch can be told to write wrong ones.
#ifndef SISKIN_SERVER_PULL_TORCH_ZIP_ARCHIVE_H_
#define SISKIN_SERVER_PULL_TORCH_ZIP_ARCHIVE_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace siskin::pull {

inline constexpr size_t kMaxZipEntries = 65'534;  // more need zip64

// By name; the contents are borrowed from `bytes`.
using ZipEntries = std::map<std::string, absl::Span<const uint8_t>>;

// INVALID_ARGUMENT: not such an archive, or truncated; says what is wrong with which entry.
absl::StatusOr<ZipEntries> ReadZip(absl::Span<const uint8_t> bytes);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_TORCH_ZIP_ARCHIVE_H_
