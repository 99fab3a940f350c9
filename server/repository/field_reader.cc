#include "server/repository/field_reader.h"

#include <cmath>
#include <cstdint>

namespace siskin::repository {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::TextFormat;

std::string Show(double value) {
  const bool integral = std::abs(value) < 1e15 && value == std::floor(value);
  return integral ? absl::StrCat(static_cast<int64_t>(value)) : absl::StrCat(value);
}

}  // namespace

// protobuf counts lines and columns from zero; -1 is "nowhere in particular".
absl::Status ErrorAt(const std::string& path, TextFormat::ParseLocation at,
                     const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat(path, ":", std::max(at.line, 0) + 1, ":",
                                                 std::max(at.column, 0) + 1, ": ", message));
}

FieldReader FieldReader::Nested(int number) const {
  const FieldDescriptor* field = message_.FindFieldByNumber(number);
  FieldReader nested(path_, field->message_type(),
                     tree_ == nullptr ? nullptr : tree_->GetTreeForNested(field, -1));
  nested.otherwise_ = otherwise_;
  return nested;
}

FieldReader FieldReader::MapValues(int number) const {
  const FieldDescriptor* field = message_.FindFieldByNumber(number);
  FieldReader values(path_, field->message_type()->map_value()->message_type(), nullptr);
  values.otherwise_ = Place(number);
  return values;
}

absl::Status FieldReader::Fault(int number, const std::string& what) const {
  const std::string& name = message_.FindFieldByNumber(number)->name();
  return ErrorAt(path_, Place(number), absl::StrCat("\"", name, "\" ", what));
}

TextFormat::ParseLocation FieldReader::Place(int number) const {
  if (tree_ == nullptr) return otherwise_;
  const FieldDescriptor* field = message_.FindFieldByNumber(number);
  return tree_->GetLocation(field, field->is_repeated() ? 0 : -1);
}

absl::Status FieldReader::CheckRange(int number, double value, double min, double max) const {
  if (value >= min && value <= max) return absl::OkStatus();  // not so for NaN
  return Fault(number,
               absl::StrCat("is ", Show(value), "; expected ", Show(min), " to ", Show(max)));
}

}  // namespace siskin::repository
