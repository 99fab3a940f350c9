// Which image files the arguments of `siskin classify` and `siskin detect` name.
#ifndef SISKIN_SERVER_CLI_FILE_LIST_H_
#define SISKIN_SERVER_CLI_FILE_LIST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace siskin::cli {

// A file is taken as it is, whatever its name and whether it exists; a folder gives every .jpg,
// .jpeg, .png and .webp below it, in order of name. NOT_FOUND: a folder without any.
absl::StatusOr<std::vector<std::string>> ListImageFiles(const std::vector<std::string>& arguments);

// The whole of a file. NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT (not a regular file) or
// RESOURCE_EXHAUSTED above `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_FILE_LIST_H_
