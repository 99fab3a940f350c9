#include "server/pull/staging.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/pull/files.h"
#include "server/repository/model_repository.h"
#include "server/repository/text_file.h"

namespace siskin::pull {
namespace {

namespace fs = std::filesystem;
using repository::kConfigFile;
using repository::kLabelsFile;
using repository::kWeightsFile;

constexpr char kHidden[] = ".pull";

// "" if there is none.
absl::StatusOr<std::string> OptionalText(const fs::path& path) {
  absl::StatusOr<std::string> text = repository::ReadTextFile(path.string());
  if (absl::IsNotFound(text.status())) return "";
  return text;
}

// Makes `to` what `from` is, be it nothing.
absl::Status ReplaceText(const fs::path& from, const fs::path& to, bool replace) {
  SISKIN_ASSIGN_OR_RETURN(const std::string wanted, OptionalText(from));
  SISKIN_ASSIGN_OR_RETURN(const std::string found, OptionalText(to));
  if (wanted == found) return absl::OkStatus();
  if (!replace) {
    return absl::FailedPreconditionError(
        absl::StrCat(to.string(),
                     " is shared by all versions and would have to change for this "
                     "one; choose another folder with --as NAME, or replace the file "
                     "with --force"));
  }
  if (!wanted.empty()) return MoveInto(from, to);
  std::error_code error;
  fs::remove(to, error);
  return error ? absl::ErrnoToStatus(error.value(), to.string()) : absl::OkStatus();
}

}  // namespace

absl::Status CheckPlace(const fs::path& repository, const std::string& name, int version,
                        bool replace) {
  if (!repository::IsModelName(name) || name.front() == '.') {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name,
                     "' cannot be a model's folder: expected 1 to 64 of A-Z, a-z, 0-9, "
                     "'_', '.', '-', not beginning with '.'; choose one with --as NAME"));
  }
  const fs::path model = repository / name;
  std::error_code unused;  // what cannot be seen is in nobody's way
  if (fs::exists(model / kWeightsFile, unused)) {
    return absl::FailedPreconditionError(absl::StrCat(
        (model / kWeightsFile).string(), " stands beside version folders; move it into ",
        (model / "1").string(), ", or choose another folder with --as NAME"));
  }
  const fs::path weights = model / absl::StrCat(version) / kWeightsFile;
  if (replace || !fs::exists(weights, unused)) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat(weights.string(),
                   " is there already; replace it with --force, or choose another version "
                   "with --version N or another folder with --as NAME"));
}

Staging::Staging(fs::path repository, std::string name, int version)
    : target_(std::move(repository)),
      name_(std::move(name)),
      version_(absl::StrCat(version)),
      root_(target_ / kHidden / name_ / version_) {}

Staging::~Staging() {
  if (lock_ < 0) return;  // another process is at work here
  std::error_code unused;
  fs::remove_all(repository(), unused);
  RemoveEmptyFolders();
  close(lock_);
}

fs::path Staging::weights() const { return StagedModel() / version_ / kWeightsFile; }
fs::path Staging::labels() const { return StagedModel() / kLabelsFile; }
fs::path Staging::config() const { return StagedModel() / kConfigFile; }

absl::StatusOr<std::unique_ptr<Staging>> Staging::Open(const fs::path& repository,
                                                       const std::string& name, int version) {
  std::unique_ptr<Staging> staging(new Staging(repository, name, version));
  SISKIN_RETURN_IF_ERROR(MakeFolders(staging->root_));
  SISKIN_RETURN_IF_ERROR(staging->Lock());
  std::error_code error;
  fs::remove_all(staging->repository(), error);
  if (error) return absl::ErrnoToStatus(error.value(), staging->repository().string());
  SISKIN_RETURN_IF_ERROR(MakeFolders(staging->weights().parent_path()));
  return staging;
}

absl::Status Staging::Lock() {
  const int folder = open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) == 0) {
    lock_ = folder;
    return absl::OkStatus();
  }
  const int error = errno;
  if (folder >= 0) close(folder);
  if (error == EWOULDBLOCK) {
    return absl::UnavailableError(absl::StrCat("another process is pulling ", name_, " version ",
                                               version_, " into ", target_.string()));
  }
  return absl::ErrnoToStatus(error, absl::StrCat("cannot lock ", root_.string()));
}

absl::Status Staging::Publish(bool replace) {
  std::error_code unused;
  const fs::path model = target_ / name_;
  if (fs::exists(model, unused)) {
    SISKIN_RETURN_IF_ERROR(PublishVersion(replace));
  } else {
    SISKIN_RETURN_IF_ERROR(Sync(StagedModel()));
    SISKIN_RETURN_IF_ERROR(MoveInto(StagedModel(), model));
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(root_, unused)) {
    fs::remove_all(entry.path(), unused);
  }
  return absl::OkStatus();
}

absl::Status Staging::PublishVersion(bool replace) {
  const fs::path model = target_ / name_;
  SISKIN_RETURN_IF_ERROR(ReplaceText(labels(), model / kLabelsFile, replace));
  SISKIN_RETURN_IF_ERROR(ReplaceText(config(), model / kConfigFile, replace));
  std::error_code unused;
  if (fs::exists(model / version_, unused)) {
    return MoveInto(weights(), model / version_ / kWeightsFile);
  }
  return MoveInto(weights().parent_path(), model / version_);
}

// What was downloaded keeps its folder, and other pulls that are at work keep theirs.
void Staging::RemoveEmptyFolders() {
  std::error_code unused;
  fs::remove(root_, unused);
  fs::remove(root_.parent_path(), unused);
  fs::remove(target_ / kHidden, unused);
}

}  // namespace siskin::pull
