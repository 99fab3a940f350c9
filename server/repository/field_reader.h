// Reads the values of a message that came from a text file. Part of model_config.h.
#ifndef SISKIN_SERVER_REPOSITORY_FIELD_READER_H_
#define SISKIN_SERVER_REPOSITORY_FIELD_READER_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/repeated_field.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace siskin::repository {

// INVALID_ARGUMENT, "path:line:column: message", counted from one.
absl::Status ErrorAt(const std::string& path, google::protobuf::TextFormat::ParseLocation at,
                     const std::string& message);

// Checks the values of one message, whose fields go by number, and says where in the file a bad one
// stands.
class FieldReader {
 public:
  // `tree` may be null for a message that is not in the file: it has no bad values.
  FieldReader(const std::string& path, const google::protobuf::Descriptor* message,
              const google::protobuf::TextFormat::ParseInfoTree* tree)
      : path_(path), message_(*message), tree_(tree) {}

  FieldReader Nested(int number) const;
  // Of the values of a map, of which protobuf does not tell where each stands: errors name the
  // place of the first.
  FieldReader MapValues(int number) const;

  // Each sets `value` to what was `found`, unless the field is not set.
  template <typename T>
  absl::Status Number(int number, bool is_set, double found, double min, double max,
                      std::optional<T>& value) const {
    if (!is_set) return absl::OkStatus();
    SISKIN_RETURN_IF_ERROR(CheckRange(number, found, min, max));
    value = static_cast<T>(found);
    return absl::OkStatus();
  }

  template <typename T>
  absl::Status Triple(int number, const google::protobuf::RepeatedField<T>& found, double min,
                      double max, std::optional<std::array<float, 3>>& value) const {
    if (found.empty()) return absl::OkStatus();
    if (found.size() != 3) {
      return Fault(number, absl::StrCat("has ", found.size(), " values; expected 3"));
    }
    for (const T element : found) {
      SISKIN_RETURN_IF_ERROR(CheckRange(number, element, min, max));
    }
    value.emplace();
    std::copy(found.begin(), found.end(), value->begin());
    return absl::OkStatus();
  }

  // Of `meanings`; 0 is ..._UNSPECIFIED.
  template <typename Wire, typename T, size_t N>
  absl::Status Choice(int number, Wire found, const std::pair<Wire, T> (&meanings)[N],
                      std::optional<T>& value) const {
    if (found == 0) return absl::OkStatus();
    for (const auto& [wire, meaning] : meanings) {
      if (wire == found) value = meaning;
    }
    if (value.has_value()) return absl::OkStatus();
    return Fault(number, absl::StrCat("is ", static_cast<int>(found), ", which has no meaning"));
  }

  // INVALID_ARGUMENT: the field's place, its name and `what`.
  absl::Status Fault(int number, const std::string& what) const;

 private:
  google::protobuf::TextFormat::ParseLocation Place(int number) const;
  absl::Status CheckRange(int number, double value, double min, double max) const;

  const std::string& path_;
  const google::protobuf::Descriptor& message_;
  const google::protobuf::TextFormat::ParseInfoTree* const tree_;
  google::protobuf::TextFormat::ParseLocation otherwise_;  // where no tree tells the place
};

}  // namespace siskin::repository

#endif  // SISKIN_SERVER_REPOSITORY_FIELD_READER_H_
