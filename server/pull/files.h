// File operations that survive a crash, and checksums.
#ifndef SISKIN_SERVER_PULL_FILES_H_
#define SISKIN_SERVER_PULL_FILES_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace siskin::pull {

inline constexpr int64_t kMaxWeightBytes = int64_t{1} << 30;
inline constexpr size_t kSha256Digits = 64;  // hexadecimal ones

// Errors are errno's code, with the path.

// NOT_FOUND, INVALID_ARGUMENT: no regular file. RESOURCE_EXHAUSTED: larger than kMaxWeightBytes.
absl::StatusOr<std::vector<uint8_t>> ReadFile(const std::filesystem::path& path);

// Writes the file anew and waits until it is on disk.
absl::Status WriteFile(const std::filesystem::path& path, std::string_view contents);

// Waits until what was written to a file, or the entries of a folder, are on disk.
absl::Status Sync(const std::filesystem::path& path);

// Replaces `to` by `from` at once, and waits until that is on disk. A folder replaces only an empty
// one.
absl::Status MoveInto(const std::filesystem::path& from, const std::filesystem::path& to);

absl::Status MakeFolders(const std::filesystem::path& path);

// In lower-case hexadecimal digits.
absl::StatusOr<std::string> Sha256OfFile(const std::filesystem::path& path);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_FILES_H_
