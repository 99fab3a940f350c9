#include "server/pull/http_answer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace siskin::pull {
namespace {

std::optional<int64_t> ParseNumber(const std::string& text) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number) || number < 0) return std::nullopt;
  return number;
}

}  // namespace

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::optional<ContentRange> ParseContentRange(std::string_view header) {
  constexpr std::string_view kUnit = "bytes ";
  if (!header.starts_with(kUnit)) return std::nullopt;
  const std::vector<std::string> parts =
      absl::StrSplit(std::string(header.substr(kUnit.size())), '/');
  if (parts.size() != 2) return std::nullopt;
  ContentRange range;
  range.first = ParseNumber(parts[0].substr(0, parts[0].find('-')));
  range.total = ParseNumber(parts[1]);
  return range;
}

std::string StrongEtag(const HttpResponse& response) {
  std::string etag = response.Header("etag");
  return etag.starts_with('"') ? etag : "";
}

int64_t TotalBytes(const HttpResponse& response) {
  const auto range = ParseContentRange(response.Header("content-range"));
  if (range.has_value()) return range->total.value_or(0);
  return ParseNumber(response.Header("content-length")).value_or(0);
}

absl::Duration RetryAfter(const HttpResponse& response) {
  return absl::Seconds(ParseNumber(response.Header("retry-after")).value_or(0));
}

absl::Status ErrorOf(const HttpResponse& response, const std::string& url) {
  const int status = response.status;
  const std::string code = response.Header("x-error-code");  // the hub's
  const std::string what = absl::StrCat(url, ": HTTP ", status);
  if (code == "GatedRepo") {
    return absl::PermissionDeniedError(
        absl::StrCat(what,
                     ": access must be granted first; ask for it on the model's page, then "
                     "set HF_TOKEN to your token"));
  }
  if (status == 401 || status == 403) {
    // The hub answers so, too, if there is no such model: a private one shall not show.
    return absl::PermissionDeniedError(
        absl::StrCat(what,
                     ": there is no such file, or it is private; check the name, or set "
                     "HF_TOKEN to a token that may read it"));
  }
  if (status == 404 || status == 410) {
    return absl::NotFoundError(absl::StrCat(what, code == "RevisionNotFound"
                                                      ? ": no such revision"
                                                      : ": no such file; check the name"));
  }
  if (status == 408 || status == 429 || status >= 500) return absl::UnavailableError(what);
  return absl::FailedPreconditionError(absl::StrCat(what, ", which is no answer to a download"));
}

}  // namespace siskin::pull
