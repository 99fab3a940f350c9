#include "models/checkpoint_metadata.h"

#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace siskin::models {
namespace {

// Each parser returns nullopt for a text it does not understand.

std::optional<ops::PaddingRule> ParsePadding(const std::string& text) {
  if (text == "symmetric") return ops::PaddingRule::kSymmetric;
  if (text == "tf_same") return ops::PaddingRule::kTfSame;
  return std::nullopt;
}

std::optional<ColorOrder> ParseColorOrder(const std::string& text) {
  const std::string upper = absl::AsciiStrToUpper(text);
  if (upper == "RGB") return ColorOrder::kRgb;
  if (upper == "BGR") return ColorOrder::kBgr;
  return std::nullopt;
}

std::optional<int> ParsePositive(const std::string& text) {
  int value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < 1) return std::nullopt;
  return value;
}

// The families are built for square inputs.
std::optional<int> ParseSquare(const std::string& text) {
  const std::vector<std::string> sides = absl::StrSplit(text, 'x');
  if (sides.size() != 2 || sides[0] != sides[1]) return std::nullopt;
  return ParsePositive(sides[0]);
}

std::optional<std::array<float, 3>> ParseTriple(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ',');
  if (parts.size() != 3) return std::nullopt;
  std::array<float, 3> values;
  for (size_t i = 0; i < 3; ++i) {
    if (!absl::SimpleAtof(parts[i], &values[i]) || !std::isfinite(values[i])) return std::nullopt;
  }
  return values;
}

// Sets `field` from the metadata's `key`, if that is there.
template <typename T>
absl::Status Read(const ops::Checkpoint& checkpoint, const char* key,
                  std::optional<T> (*parse)(const std::string&), const char* expected,
                  std::optional<T>& field) {
  const auto found = checkpoint.metadata().find(key);
  if (found == checkpoint.metadata().end()) return absl::OkStatus();
  field = parse(found->second);
  if (field.has_value()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(checkpoint.name(), ": metadata \"", key,
                                                 "\" is \"", found->second, "\", expected ",
                                                 expected));
}

}  // namespace

absl::StatusOr<CheckpointMetadata> ReadMetadata(const ops::Checkpoint& checkpoint) {
  CheckpointMetadata facts;
  const auto architecture = checkpoint.metadata().find("architecture");
  if (architecture != checkpoint.metadata().end()) facts.architecture = architecture->second;
  SISKIN_RETURN_IF_ERROR(
      Read(checkpoint, "padding", ParsePadding, "\"symmetric\" or \"tf_same\"", facts.padding));
  SISKIN_RETURN_IF_ERROR(Read(checkpoint, "input_size", ParseSquare, "a square such as \"224x224\"",
                              facts.resolution));
  SISKIN_RETURN_IF_ERROR(Read(checkpoint, "classes", ParsePositive,
                              "a positive number such as \"1000\"", facts.classes));
  SISKIN_RETURN_IF_ERROR(Read(checkpoint, "input_mean", ParseTriple,
                              "three numbers such as \"128,128,128\"", facts.mean));
  SISKIN_RETURN_IF_ERROR(Read(checkpoint, "input_std", ParseTriple,
                              "three numbers such as \"128,128,128\"", facts.std));
  SISKIN_RETURN_IF_ERROR(
      Read(checkpoint, "color_order", ParseColorOrder, "\"RGB\" or \"BGR\"", facts.color_order));
  return facts;
}

}  // namespace siskin::models
