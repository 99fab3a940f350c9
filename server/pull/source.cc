#include "server/pull/source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "models/catalog.h"
#include "server/pull/downloader.h"
#include "server/pull/files.h"
#include "server/pull/http.h"

namespace siskin::pull {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffixes[] = {".safetensors", ".pth.tar", ".pth", ".pt", ".bin"};
constexpr std::string_view kNamelessStems[] = {"model", "pytorch_model"};
constexpr char kNameCharacters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
constexpr size_t kMinHashDigits = 8;

bool IsHubPart(std::string_view part) {
  return !part.empty() && part.front() != '.' &&
         part.find_first_not_of(kNameCharacters) == std::string_view::npos;
}

bool HasSuffix(std::string_view text) {
  return std::any_of(std::begin(kSuffixes), std::end(kSuffixes),
                     [&text](std::string_view suffix) { return text.ends_with(suffix); });
}

bool IsHubName(std::string_view text) {
  const size_t slash = text.find('/');
  return slash != std::string_view::npos && !HasSuffix(text) && IsHubPart(text.substr(0, slash)) &&
         IsHubPart(text.substr(slash + 1));
}

std::string StemOf(std::string_view file) {
  for (std::string_view suffix : kSuffixes) {
    if (file.ends_with(suffix)) return std::string(file.substr(0, file.size() - suffix.size()));
  }
  return std::string(file);
}

// torch's convention, also checked by its own downloader.
std::string HashInName(const std::string& stem) {
  const size_t dash = stem.rfind('-');
  if (dash == std::string::npos) return "";
  const std::string digits = stem.substr(dash + 1);
  const bool hex = digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  return hex && digits.size() >= kMinHashDigits ? digits : "";
}

Source FromFileName(Source::Kind kind, std::string_view location, std::string_view file) {
  Source source{.kind = kind, .location = std::string(location), .name = StemOf(file)};
  source.sha256_prefix = HashInName(source.name);
  if (std::count(std::begin(kNamelessStems), std::end(kNamelessStems), source.name) > 0) {
    source.name.clear();
  }
  return source;
}

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
    const auto mismatch = [&sha256](const char* origin, const std::string& expected) {
      return absl::DataLossError(absl::StrCat("the file's SHA-256 is ", sha256, ", but ", origin,
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

absl::StatusOr<Source> ParseSource(std::string_view text) {
  if (text.find("://") != std::string_view::npos) {
    SISKIN_ASSIGN_OR_RETURN(const Url url, ParseUrl(text));
    return FromFileName(Source::Kind::kUrl, url.text,
                        std::string_view(url.path).substr(url.path.rfind('/') + 1));
  }
  if (IsHubName(text)) {
    return Source{.kind = Source::Kind::kHub,
                  .location = std::string(text),
                  .name = std::string(text.substr(text.find('/') + 1))};
  }
  const std::string file = fs::path(text).filename().string();
  if (file.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", std::string(text),
                     "' is no source; expected owner/name of the hub, an https URL or a file"));
  }
  return FromFileName(Source::Kind::kFile, text, file);
}

absl::StatusOr<Obtained> Obtain(const PullRequest& request, const PullOptions& options,
                                const Source& source, const fs::path& download) {
  SISKIN_RETURN_IF_ERROR(CheckNetwork(request.architecture));
  return Obtainer(request, options, source, download).Run();
}

}  // namespace siskin::pull
