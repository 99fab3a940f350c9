#include "server/pull/source.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/pull/url.h"

namespace siskin::pull {
namespace {

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
  const std::string file = std::filesystem::path(text).filename().string();
  if (file.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", std::string(text),
                     "' is no source; expected owner/name of the hub, an https URL or a file"));
  }
  return FromFileName(Source::Kind::kFile, text, file);
}

}  // namespace siskin::pull
