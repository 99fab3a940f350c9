// WriteCheckpoint, apart from the reader that the server needs.
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "ops/checkpoint.h"
#include "ops/safetensors_header.h"

namespace siskin::ops {
namespace {

constexpr size_t kHeaderAlignment = 8;

std::string JsonString(const std::string& text) { return JsonText(nlohmann::ordered_json(text)); }

std::string HeaderJson(absl::Span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<std::string> members;
  if (!metadata.empty()) {
    const auto pair = [](std::string* out, const auto& entry) {
      absl::StrAppend(out, JsonString(entry.first), ":", JsonString(entry.second));
    };
    members.push_back(absl::StrCat("\"__metadata__\":{", absl::StrJoin(metadata, ",", pair), "}"));
  }
  size_t offset = 0;
  for (const NamedTensor& tensor : tensors) {
    const size_t end = offset + tensor.values.size() * sizeof(float);
    members.push_back(absl::StrCat(JsonString(tensor.key), R"(:{"dtype":"F32","shape":[)",
                                   absl::StrJoin(tensor.shape, ","), R"(],"data_offsets":[)",
                                   offset, ",", end, "]}"));
    offset = end;
  }
  std::string json = absl::StrCat("{", absl::StrJoin(members, ","), "}");
  json.resize((json.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  return json;
}

// The reader's own checks, and that it finds every string as it was given.
absl::Status CheckReadable(std::string_view header, absl::Span<const NamedTensor> tensors,
                           const std::map<std::string, std::string>& metadata) {
  SISKIN_ASSIGN_OR_RETURN(const SafetensorsHeader parsed, ParseSafetensorsHeader(header));
  for (const NamedTensor& tensor : tensors) {
    if (!parsed.tensors.contains(tensor.key)) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor name ", QuoteForMessage(tensor.key), " is not UTF-8"));
    }
  }
  for (const auto& [key, value] : metadata) {
    const auto found = parsed.metadata.find(key);
    if (found == parsed.metadata.end() || found->second != value) {
      return absl::InvalidArgumentError(
          absl::StrCat("metadata ", QuoteForMessage(key), " is not UTF-8"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteCheckpoint(const std::string& path, absl::Span<const NamedTensor> tensors,
                             const std::map<std::string, std::string>& metadata) {
  const std::string header = HeaderJson(tensors, metadata);
  if (absl::Status status = CheckReadable(header, tensors, metadata); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat("cannot write ", path, ": ", status.message()));
  }
  errno = 0;  // a stream that fails may leave it alone
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  const uint64_t length = header.size();
  file.write(reinterpret_cast<const char*>(&length), sizeof(length));
  file.write(header.data(), static_cast<std::streamsize>(header.size()));
  for (const NamedTensor& tensor : tensors) {
    file.write(reinterpret_cast<const char*>(tensor.values.data()),
               static_cast<std::streamsize>(tensor.values.size() * sizeof(float)));
  }
  file.close();
  if (!file) {
    return absl::ErrnoToStatus(errno != 0 ? errno : EIO, absl::StrCat("cannot write ", path));
  }
  return absl::OkStatus();
}

}  // namespace siskin::ops
