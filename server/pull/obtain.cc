#include "server/pull/obtain.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "models/catalog.h"
#include "server/pull/files.h"
#include "server/pull/hub.h"
#include "server/pull/part_file.h"

namespace siskin::pull {
namespace {

namespace fs = std::filesystem;

absl::Status CheckNetwork(const std::string& architecture) {
  if (architecture.empty() || models::FindByName(architecture).spec != nullptr) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown network '", architecture,
                                                 "'. Known networks: ", models::ArchitectureNames(),
                                                 "; 'siskin inspect' lists their variants"));
}

class Obtainer {
 public:
  Obtainer(const PullRequest& request, const PullOptions& options, const Source& source,
           const fs::path& download)
      : request_(request),
        options_(options),
        source_(source),
        download_(download),
        downloader_(options.download) {}

  absl::StatusOr<Obtained> Run() {
    switch (source_.kind) {
      case Source::Kind::kHub:
        return FromHub();
      case Source::Kind::kUrl:
        return Named(download_, Download(source_.location));
      case Source::Kind::kFile:
        return Named(source_.location, Checked(source_.location, ""));
    }
    return absl::InternalError("a source of no kind");
  }

 private:
  // A hub's config says which network it is; before the weights come it must be a known one.
  absl::StatusOr<Obtained> FromHub() {
    Obtained obtained;
    HubRepository hub(options_.endpoint, source_.location, request_.revision, downloader_);
    SISKIN_ASSIGN_OR_RETURN(obtained.facts, hub.FetchModel());
    std::string& architecture = obtained.facts.load.architecture;
    if (!request_.architecture.empty()) architecture = request_.architecture;
    SISKIN_RETURN_IF_ERROR(CheckNetwork(architecture));
    obtained.file = download_;
    absl::StatusOr<std::string> sha256;
    for (const std::string& url : hub.WeightUrls()) {
      sha256 = Download(url);
      if (!absl::IsNotFound(sha256.status())) break;
    }
    if (!sha256.ok()) return sha256.status();
    obtained.sha256 = *sha256;
    return obtained;
  }

  // A file that comes without a config: its name may be that of a network.
  absl::StatusOr<Obtained> Named(const fs::path& file,
                                 const absl::StatusOr<std::string>& sha256) const {
    if (!sha256.ok()) return sha256.status();
    Obtained obtained{.file = file, .sha256 = *sha256};
    std::string& architecture = obtained.facts.load.architecture;
    architecture = request_.architecture;
    const bool known = models::FindByName(source_.name).spec != nullptr;
    if (architecture.empty() && known) architecture = source_.name;
    return obtained;
  }

  // To the path for downloads; returns the checksum.
  absl::StatusOr<std::string> Download(const std::string& url) {
    SISKIN_ASSIGN_OR_RETURN(const auto part, PartFile::Open(download_, url));
    SISKIN_ASSIGN_OR_RETURN(const Fetched fetched, downloader_.Fetch(url, *part, kMaxWeightBytes));
    absl::StatusOr<std::string> sha256 = Checked(part->part_path(), fetched.sha256);
    if (!sha256.ok()) {
      SISKIN_RETURN_IF_ERROR(part->Restart(""));
      return sha256.status();
    }
    SISKIN_RETURN_IF_ERROR(part->Commit());
    return sha256;
  }

  // The file's checksum, which must be what the user, the hub and the file's name say.
  absl::StatusOr<std::string> Checked(const fs::path& file, const std::string& hub_says) const {
    if (!fs::is_regular_file(file)) {
      return absl::NotFoundError(
          absl::StrCat(file.string(),
                       ": no such file. Models of the hub are named owner/name, such as "
                       "timm/mobilenetv2_100.ra_in1k"));
    }
    SISKIN_ASSIGN_OR_RETURN(std::string sha256, Sha256OfFile(file));
    const std::string user_says = absl::AsciiStrToLower(request_.sha256);
    const auto mismatch = [&sha256](const char* who, const std::string& expected) {
      return absl::DataLossError(absl::StrCat("the file's SHA-256 is ", sha256, ", but ", who,
                                              " says ", expected,
                                              ": it is damaged or another file"));
    };
    if (!hub_says.empty() && sha256 != hub_says) return mismatch("the hub", hub_says);
    if (!user_says.empty() && sha256 != user_says) return mismatch("--sha256", user_says);
    if (user_says.empty() && !sha256.starts_with(source_.sha256_prefix)) {
      absl::Status status = mismatch("its name", source_.sha256_prefix + "...");
      return absl::DataLossError(
          absl::StrCat(status.message(), ". If it is right, say so with --sha256 ", sha256));
    }
    return sha256;
  }

  const PullRequest& request_;
  const PullOptions& options_;
  const Source& source_;
  const fs::path& download_;
  Downloader downloader_;
};

}  // namespace

absl::StatusOr<Obtained> Obtain(const PullRequest& request, const PullOptions& options,
                                const Source& source, const fs::path& download) {
  SISKIN_RETURN_IF_ERROR(CheckNetwork(request.architecture));
  return Obtainer(request, options, source, download).Run();
}

}  // namespace siskin::pull
