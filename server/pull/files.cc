#include "server/pull/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace siskin::pull {
namespace {

namespace fs = std::filesystem;

constexpr size_t kChunkBytes = size_t{1} << 20;

absl::Status Failed(const char* what, const fs::path& path, int error) {
  return absl::ErrnoToStatus(error != 0 ? error : EIO, absl::StrCat(what, " ", path.string()));
}

struct DigestDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

}  // namespace

absl::StatusOr<std::vector<uint8_t>> ReadFile(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status))
    return absl::NotFoundError(absl::StrCat(path.string(), ": no such file"));
  if (!fs::is_regular_file(status)) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": is no regular file"));
  }
  const auto size = static_cast<int64_t>(fs::file_size(path, error));
  if (error) return Failed("cannot read", path, error.value());
  if (size > kMaxWeightBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path.string(), ": has ", size, " bytes; at most ", kMaxWeightBytes));
  }
  std::vector<uint8_t> bytes(size);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), size);
  if (!file || file.gcount() != size) return Failed("cannot read", path, errno);
  return bytes;
}

absl::Status WriteFile(const fs::path& path, std::string_view contents) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(contents.data(), static_cast<std::streamsize>(contents.size()));
  file.close();
  if (!file) return Failed("cannot write", path, errno);
  return Sync(path);
}

absl::Status Sync(const fs::path& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return Failed("cannot open", path, errno);
  const int result = fsync(descriptor);
  const int error = errno;
  close(descriptor);
  return result == 0 ? absl::OkStatus() : Failed("cannot write", path, error);
}

absl::Status MoveInto(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return Failed("cannot make", to, error.value());
  return Sync(to.parent_path());
}

absl::Status MakeFolders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  return error ? Failed("cannot make", path, error.value()) : absl::OkStatus();
}

absl::StatusOr<std::string> Sha256OfFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::unique_ptr<EVP_MD_CTX, DigestDeleter> context(EVP_MD_CTX_new());
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  std::vector<char> chunk(kChunkBytes);
  while (file) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    EVP_DigestUpdate(context.get(), chunk.data(), static_cast<size_t>(file.gcount()));
  }
  if (!file.eof()) return Failed("cannot read", path, 0);
  std::array<char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(digest.data()), &size);
  return absl::BytesToHexString({digest.data(), size});
}

}  // namespace siskin::pull
