// Where a model is put together before it appears in its repository:
//
//   <repository>/.pull/<name>/<version>/download[.part, ...]   what came over the network
//   <repository>/.pull/<name>/<version>/model/<name>/...       the model as a repository of its own
//
// Hidden folders are not scanned, and a rename on the same file system shows all of it or nothing.
#ifndef SISKIN_SERVER_PULL_STAGING_H_
#define SISKIN_SERVER_PULL_STAGING_H_

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace siskin::pull {

// INVALID_ARGUMENT: `name` cannot be a model's folder. ALREADY_EXISTS: the version is there and is
// not to be replaced. FAILED_PRECONDITION: the folder has another layout.
absl::Status CheckPlace(const std::filesystem::path& repository, const std::string& name,
                        int version, bool replace);

// Not thread-safe; processes exclude each other by a lock.
class Staging {
 public:
  // Makes the folders, and the repository if there is none. What an earlier run has downloaded is
  // kept, anything else cleared. UNAVAILABLE: another process is at it.
  static absl::StatusOr<std::unique_ptr<Staging>> Open(const std::filesystem::path& repository,
                                                       const std::string& name, int version);
  // Keeps what was downloaded, clears the rest.
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  std::filesystem::path download() const { return root_ / "download"; }
  std::filesystem::path repository() const { return root_ / "model"; }  // to be scanned
  std::filesystem::path weights() const;
  std::filesystem::path labels() const;  // optional
  std::filesystem::path config() const;

  // Moves the model to its place; the download is then needed no more. Where the model has other
  // versions already, they share labels and config; FAILED_PRECONDITION if those would change,
  // unless `replace`.
  absl::Status Publish(bool replace);

 private:
  Staging(std::filesystem::path repository, std::string name, int version);

  absl::Status Lock();
  absl::Status PublishVersion(bool replace);
  void RemoveEmptyFolders();

  std::filesystem::path StagedModel() const { return repository() / name_; }

  const std::filesystem::path target_;  // the repository
  const std::string name_;
  const std::string version_;
  const std::filesystem::path root_;
  int lock_ = -1;  // of the folder; -1: not held
};

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_STAGING_H_
