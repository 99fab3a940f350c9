#include "models/dilation_pattern.h"

#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status_macros.h"

namespace siskin::models {
namespace {

using Json = nlohmann::ordered_json;  // of objects in the order of the file

// Files are quoted in messages, so what is quoted has a limit.
std::string Quote(const std::string& text) {
  constexpr size_t kMaxQuoted = 40;
  const std::string shown = JsonText(Json(text.substr(0, kMaxQuoted)), {.ascii = true});
  return text.size() > kMaxQuoted ? shown + "..." : shown;
}

// "(a, b)", exactly as Python prints a pair.
std::optional<ops::Size2d> ParseKey(const std::string& key) {
  int a = 0, b = 0;
  if (std::sscanf(key.c_str(), "(%3d, %3d)", &a, &b) != 2) return std::nullopt;
  if (key != absl::StrCat("(", a, ", ", b, ")")) return std::nullopt;
  if (a < 0 || b < 0 || a >= kMaxDilation || b >= kMaxDilation) return std::nullopt;
  return ops::Size2d(a + 1, b + 1);
}

// Reads one file; every message names it.
class Parser {
 public:
  explicit Parser(std::string_view file) : file_(file) {}

  absl::StatusOr<std::vector<DilationPattern>> Run(std::string_view text) const {
    SISKIN_ASSIGN_OR_RETURN(const Json document, ParseJson(text));
    if (!document.is_array() || document.empty() || document.size() > kMaxPatterns) {
      return Invalid("",
                     absl::StrCat("expected a list of 1 to ", kMaxPatterns, " patterns, found ",
                                  document.is_array()
                                      ? absl::StrCat("a list of ", document.size())
                                      : absl::StrCat("a value of type ", document.type_name())));
    }
    std::vector<DilationPattern> patterns;
    for (const Json& object : document) {
      const std::string where = absl::StrCat("pattern ", patterns.size() + 1, ": ");
      SISKIN_ASSIGN_OR_RETURN(DilationPattern pattern, ReadPattern(where, object));
      patterns.push_back(std::move(pattern));
    }
    return patterns;
  }

 private:
  absl::Status Invalid(std::string_view where, std::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(file_, ": ", std::string(where), std::string(what)));
  }

  // A tree keeps one of two equal keys, so that they are told apart while it is made.
  absl::StatusOr<Json> ParseJson(std::string_view text) const {
    std::set<std::string> keys;  // of the object being read
    int objects = 0;
    absl::Status twice;
    const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
      if (event == Json::parse_event_t::object_start) {
        keys.clear();
        ++objects;
      }
      if (event == Json::parse_event_t::key && !keys.insert(parsed.get<std::string>()).second) {
        twice.Update(
            Invalid(absl::StrCat("pattern ", objects, ": "),
                    absl::StrCat("key ", Quote(parsed.get<std::string>()), " occurs twice")));
      }
      return true;
    };
    try {
      Json document = Json::parse(text, watch);
      if (!twice.ok()) return twice;
      return document;
    } catch (const Json::parse_error& error) {
      return Invalid("", absl::StrCat("is not valid JSON near its byte ", error.byte));
    } catch (const Json::out_of_range&) {
      return Invalid("", "holds a number that is too large");
    }
  }

  absl::StatusOr<DilationPattern> ReadPattern(const std::string& where, const Json& object) const {
    if (!object.is_object()) {
      return Invalid(where, absl::StrCat("expected an object such as {\"(0, 0)\": 64}, found a ",
                                         "value of type ", object.type_name()));
    }
    DilationPattern pattern;
    for (const auto& [key, value] : object.items()) {
      const std::optional<ops::Size2d> dilation = ParseKey(key);
      if (!dilation.has_value()) {
        return Invalid(where,
                       absl::StrCat("key ", Quote(key), ": expected \"(a, b)\" with a and b ",
                                    "from 0 to ", kMaxDilation - 1));
      }
      const bool fits = value.is_number_unsigned() && value.get<uint64_t>() <= kMaxBranchChannels;
      if (!fits) {
        return Invalid(where, absl::StrCat("key ", Quote(key), ": expected a number of channels ",
                                           "from 0 to ", kMaxBranchChannels));
      }
      if (value.get<int>() > 0) pattern.push_back({*dilation, value.get<int>()});
    }
    if (pattern.empty()) return Invalid(where, "has no channels");
    return pattern;
  }

  const std::string file_;
};

}  // namespace

absl::StatusOr<std::vector<DilationPattern>> ParseDilationPatterns(std::string_view file,
                                                                   std::string_view json) {
  return Parser(file).Run(json);
}

absl::Status CheckDilationPatterns(absl::Span<const DilationPattern> patterns,
                                   absl::Span<const int> channels) {
  if (patterns.size() != channels.size()) {
    return absl::InvalidArgumentError(absl::StrCat("there are ", patterns.size(),
                                                   " dilation patterns, but the network has ",
                                                   channels.size(), " inception convolutions"));
  }
  for (size_t i = 0; i < patterns.size(); ++i) {
    const int sum = std::accumulate(
        patterns[i].begin(), patterns[i].end(), 0,
        [](int total, const DilationBranch& branch) { return total + branch.channels; });
    if (sum != channels[i]) {
      return absl::InvalidArgumentError(absl::StrCat("dilation pattern ", i + 1, " has ", sum,
                                                     " channels, its convolution has ",
                                                     channels[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace siskin::models
