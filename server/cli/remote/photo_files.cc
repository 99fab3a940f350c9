#include "server/cli/remote/photo_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace siskin::cli {
namespace {

namespace fs = std::filesystem;

bool IsPhotoName(const fs::path& path) {
  static constexpr std::array<std::string_view, 4> kExtensions = {".jpg", ".jpeg", ".png", ".webp"};
  const std::string extension = absl::AsciiStrToLower(path.extension().string());
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code not_a_file;
    if (entry->is_regular_file(not_a_file) && IsPhotoName(entry->path())) {
      files.push_back(entry->path().string());
    }
  }
  if (error) {
    return absl::PermissionDeniedError(absl::StrCat("cannot list ", folder, ": ", error.message()));
  }
  if (files.empty()) {
    return absl::NotFoundError(absl::StrCat("no .jpg, .jpeg, .png or .webp file below ", folder));
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ListPhotos(const std::vector<std::string>& arguments) {
  std::vector<std::string> files;
  for (const std::string& argument : arguments) {
    std::error_code not_a_folder;
    if (!fs::is_directory(argument, not_a_folder)) {
      files.push_back(argument);
      continue;
    }
    absl::StatusOr<std::vector<std::string>> below = ListFolder(argument);
    if (!below.ok()) return below.status();
    files.insert(files.end(), below->begin(), below->end());
  }
  return files;
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return absl::NotFoundError(absl::StrCat("no such file: ", path));
  if (!fs::is_regular_file(status)) {
    return absl::InvalidArgumentError(absl::StrCat("not a file: ", path));
  }
  const uintmax_t size = fs::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) {
    return absl::PermissionDeniedError(absl::StrCat("cannot read ", path));
  }
  if (size > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(path, " has ", size, " bytes, more than the ",
                                                     max_bytes, " that are sent at most"));
  }
  std::string bytes(size, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  if (file.gcount() != static_cast<std::streamsize>(size)) {
    return absl::DataLossError(absl::StrCat(path, " became shorter while it was read"));
  }
  return bytes;
}

}  // namespace siskin::cli
