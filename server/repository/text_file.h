// Small text files of a repository, read whole.
#ifndef SISKIN_SERVER_REPOSITORY_TEXT_FILE_H_
#define SISKIN_SERVER_REPOSITORY_TEXT_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace siskin::repository {

inline constexpr size_t kMaxTextFileBytes = size_t{1} << 20;

// The bytes of a regular file. NOT_FOUND: there is none. INVALID_ARGUMENT: it is no regular file,
// or larger than kMaxTextFileBytes. Other codes: it cannot be read.
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

// A label a line, of UTF-8 text that came from `path`. Line ends may be CRLF; a byte order mark is
// dropped. INVALID_ARGUMENT, naming the line: an empty line, since labels are counted by lines, or
// one that is not UTF-8, since it could not be sent in a response.
absl::StatusOr<std::vector<std::string>> ParseLabels(const std::string& path,
                                                     std::string_view text);

}  // namespace siskin::repository

#endif  // SISKIN_SERVER_REPOSITORY_TEXT_FILE_H_
