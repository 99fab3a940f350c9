#include "server/pull/hub.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

namespace siskin::pull {
namespace {

constexpr int64_t kMaxConfigBytes = int64_t{4} << 20;

}  // namespace

HubRepository::HubRepository(std::string endpoint, std::string repository, std::string revision,
                             Downloader& downloader)
    : endpoint_(absl::StripSuffix(endpoint, "/")),
      repository_(std::move(repository)),
      revision_(std::move(revision)),
      downloader_(downloader) {}

absl::StatusOr<HubModel> HubRepository::FetchModel() {
  DownloadText config;
  SISKIN_ASSIGN_OR_RETURN(const Fetched fetched,
                          downloader_.Fetch(Url("config.json"), config, kMaxConfigBytes));
  if (!fetched.commit.empty()) revision_ = fetched.commit;
  SISKIN_ASSIGN_OR_RETURN(const std::string preprocessor,
                          FetchOptional("preprocessor_config.json"));
  return ReadHubConfig(config.text(), preprocessor);
}

std::vector<std::string> HubRepository::WeightUrls() const {
  return {Url("model.safetensors"), Url("pytorch_model.bin")};
}

std::string HubRepository::Url(const char* file) const {
  // Of "refs/pr/1", the slashes are no separators.
  const std::string revision = absl::StrReplaceAll(revision_, {{"/", "%2F"}});
  return absl::StrCat(endpoint_, "/", repository_, "/resolve/", revision, "/", file);
}

absl::StatusOr<std::string> HubRepository::FetchOptional(const char* file) {
  DownloadText text;
  const absl::Status status = downloader_.Fetch(Url(file), text, kMaxConfigBytes).status();
  if (absl::IsNotFound(status)) return "";
  if (!status.ok()) return status;
  return text.text();
}

}  // namespace siskin::pull
