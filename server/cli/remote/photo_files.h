// Which photos the arguments of `siskin classify`, `detect` and `embed` name, and their bytes.
#ifndef SISKIN_SERVER_CLI_REMOTE_PHOTO_FILES_H_
#define SISKIN_SERVER_CLI_REMOTE_PHOTO_FILES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace siskin::cli {

// A file is taken as it is, whatever its name and whether it exists; a folder gives every .jpg,
// .jpeg, .png and .webp below it, in order of name. NOT_FOUND: a folder without any.
absl::StatusOr<std::vector<std::string>> ListPhotos(const std::vector<std::string>& arguments);

// The server has its own, lower limit; this one is only there to not read a film into memory.
inline constexpr size_t kMaxPhotoBytes = size_t{256} << 20;

// The whole of a file. NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT (not a regular file) or
// RESOURCE_EXHAUSTED above `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_REMOTE_PHOTO_FILES_H_
