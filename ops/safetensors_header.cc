#include "ops/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/checkpoint.h"

namespace siskin::ops {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";
constexpr size_t kMaxNameBytes = 512;
constexpr size_t kMaxRank = 8;
constexpr size_t kMaxQuotedBytes = 80;

// Product of the extents and the element size; nullopt on overflow.
std::optional<int64_t> BytesNeeded(const HeaderEntry& entry) {
  int64_t bytes = SizeOf(entry.dtype);
  for (int64_t extent : entry.shape) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
  }
  return bytes;
}

// What is wrong with a tensor's name; empty if nothing is.
std::string NameProblem(std::string_view name) {
  if (name.empty()) return "a tensor has an empty name";
  if (name.size() > kMaxNameBytes) {
    return absl::StrCat("a tensor name has ", name.size(), " bytes, at most ", kMaxNameBytes,
                        " are supported: ", QuoteForMessage(name));
  }
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (std::any_of(name.begin(), name.end(), is_control)) {
    return absl::StrCat("tensor name ", QuoteForMessage(name), " holds a control character");
  }
  return "";
}

// Builds the header from the parser's events. A tree of the whole JSON is never made: it would hide
// duplicate keys and grow with whatever nesting the file dictates. Events that do not fit the
// current place stop the parser, and status() says why.
class HeaderBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  absl::Status status() const { return status_; }
  SafetensorsHeader TakeHeader() && { return std::move(header_); }

  bool start_object(size_t) override {
    if (place_ == Place::kStart) return Enter(Place::kTop);
    if (place_ != Place::kTop) return Unexpected("an object");
    if (name_ == kMetadataKey) return Enter(Place::kMetadata);
    has_dtype_ = has_shape_ = has_offsets_ = false;
    entry_ = {};
    offsets_.clear();
    return Enter(Place::kEntry);
  }

  bool key(std::string& key) override {
    if (place_ == Place::kTop) return StartTop(key);
    field_ = key;
    if (place_ == Place::kEntry) return StartField();
    return !header_.metadata.contains(key) || Fail(absl::StrCat(Where(), " occurs twice"));
  }

  bool end_object() override {
    if (place_ == Place::kTop) return Enter(Place::kStart);
    if (place_ == Place::kEntry && !FinishEntry()) return false;
    return Enter(Place::kTop);
  }

  bool start_array(size_t) override {
    if (place_ == Place::kEntry && field_ == "shape") return Enter(Place::kShape);
    if (place_ == Place::kEntry && field_ == "data_offsets") return Enter(Place::kOffsets);
    return Unexpected("an array");
  }

  bool end_array() override {
    if (place_ == Place::kOffsets && offsets_.size() != 2) {
      return Fail(
          absl::StrCat(Where(), ": expected [begin, end], found ", offsets_.size(), " numbers"));
    }
    return Enter(Place::kEntry);
  }

  bool string(std::string& value) override {
    if (place_ == Place::kMetadata) return AddMetadata(value);
    if (place_ != Place::kEntry || field_ != "dtype") return Unexpected("a string");
    const std::optional<DType> dtype = DTypeFromName(value);
    if (!dtype.has_value()) {
      return Fail(absl::StrCat(Where(), " ", QuoteForMessage(value),
                               " is not supported; supported are F32, F16, BF16 and I64"));
    }
    entry_.dtype = *dtype;
    return true;
  }

  bool number_unsigned(uint64_t value) override {
    if (place_ != Place::kShape && place_ != Place::kOffsets) return Unexpected("a number");
    if (value > uint64_t{std::numeric_limits<int64_t>::max()}) {
      return Fail(absl::StrCat(Where(), ": ", value, " is too large"));
    }
    std::vector<int64_t>& numbers = place_ == Place::kShape ? entry_.shape : offsets_;
    if (numbers.size() == kMaxRank) {
      return Fail(absl::StrCat(Where(), ": more than ", kMaxRank, " numbers"));
    }
    numbers.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool number_integer(int64_t value) override { return Unexpected(absl::StrCat(value)); }
  bool number_float(double, const std::string& text) override {
    return Unexpected(QuoteForMessage(text));
  }
  bool null() override { return Unexpected("null"); }
  bool boolean(bool) override { return Unexpected("a boolean"); }
  bool binary(nlohmann::json::binary_t&) override { return Unexpected("binary data"); }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    return Fail(absl::StrCat("the header is not valid JSON near its byte ", position));
  }

 private:
  enum class Place { kStart, kTop, kMetadata, kEntry, kShape, kOffsets };

  bool Enter(Place place) {
    place_ = place;
    return true;
  }

  bool Fail(const std::string& what) {
    status_ = absl::InvalidArgumentError(what);
    return false;
  }

  // The value being read, for messages.
  std::string Where() const {
    if (place_ == Place::kStart) return "the header";
    if (name_ == kMetadataKey) {
      return place_ == Place::kTop ? "__metadata__"
                                   : absl::StrCat("__metadata__ ", QuoteForMessage(field_));
    }
    const std::string tensor = absl::StrCat("tensor ", QuoteForMessage(name_));
    return place_ == Place::kTop ? tensor : absl::StrCat(tensor, ": ", field_);
  }

  bool Unexpected(const std::string& found) {
    const char* expected = "an object";
    if (place_ == Place::kMetadata) {
      expected = "a string";
    } else if (place_ == Place::kShape || place_ == Place::kOffsets) {
      expected = "a non-negative integer";
    } else if (place_ == Place::kEntry) {
      expected = field_ == "dtype" ? "a string" : "an array of non-negative integers";
    }
    return Fail(absl::StrCat(Where(), ": expected ", expected, ", found ", found));
  }

  bool TooMany(const char* what) {
    status_ = absl::ResourceExhaustedError(
        absl::StrCat("the header holds more than ", Checkpoint::kMaxTensors, " ", what));
    return false;
  }

  bool StartTop(const std::string& name) {
    name_ = name;
    if (name == kMetadataKey) {
      return !std::exchange(has_metadata_, true) || Fail("__metadata__ occurs twice");
    }
    if (std::string problem = NameProblem(name); !problem.empty()) return Fail(problem);
    if (header_.tensors.contains(name)) return Fail(absl::StrCat(Where(), " occurs twice"));
    return header_.tensors.size() < Checkpoint::kMaxTensors || TooMany("tensors");
  }

  bool StartField() {
    bool* seen = field_ == "dtype"          ? &has_dtype_
                 : field_ == "shape"        ? &has_shape_
                 : field_ == "data_offsets" ? &has_offsets_
                                            : nullptr;
    if (seen == nullptr) {
      return Fail(absl::StrCat("tensor ", QuoteForMessage(name_), ": unknown field ",
                               QuoteForMessage(field_),
                               "; expected dtype, shape and data_offsets"));
    }
    return !std::exchange(*seen, true) || Fail(absl::StrCat(Where(), " occurs twice"));
  }

  bool AddMetadata(std::string& value) {
    if (header_.metadata.size() == Checkpoint::kMaxTensors) return TooMany("metadata entries");
    header_.metadata.emplace(field_, std::move(value));
    return true;
  }

  bool FinishEntry() {
    const std::string tensor = absl::StrCat("tensor ", QuoteForMessage(name_));
    if (!has_dtype_ || !has_shape_ || !has_offsets_) {
      return Fail(absl::StrCat(tensor, ": no ",
                               !has_dtype_   ? "dtype"
                               : !has_shape_ ? "shape"
                                             : "data_offsets"));
    }
    entry_.begin = offsets_[0];
    entry_.end = offsets_[1];
    const std::string offsets = absl::StrCat("data_offsets ", ShapeToString(offsets_));
    if (entry_.begin > entry_.end) {
      return Fail(absl::StrCat(tensor, ": ", offsets, " end before they begin"));
    }
    const std::string type = absl::StrCat(ToString(entry_.dtype), " ", ShapeToString(entry_.shape));
    const std::optional<int64_t> needed = BytesNeeded(entry_);
    if (!needed.has_value()) {
      return Fail(absl::StrCat(tensor, ": the byte size of ", type, " overflows 64 bits"));
    }
    if (*needed != entry_.end - entry_.begin) {
      return Fail(absl::StrCat(tensor, ": ", type, " needs ", *needed, " bytes, ", offsets,
                               " hold ", entry_.end - entry_.begin));
    }
    header_.tensors.emplace(name_, std::move(entry_));
    return true;
  }

  absl::Status status_;
  SafetensorsHeader header_;
  Place place_ = Place::kStart;
  std::string name_;   // the tensor (or __metadata__) being read
  std::string field_;  // its field being read
  bool has_metadata_ = false;

  // The tensor being read.
  HeaderEntry entry_;
  std::vector<int64_t> offsets_;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  bool has_offsets_ = false;
};

}  // namespace

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(std::string_view json) {
  if (json.size() > size_t{Checkpoint::kMaxHeaderBytes}) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the header has ", json.size(), " bytes, at most ",
                     Checkpoint::kMaxHeaderBytes, " are supported"));
  }
  // The format demands the brace; the parser alone would accept a byte order mark.
  if (json.empty() || json.front() != '{') {
    return absl::InvalidArgumentError(absl::StrCat(
        "the header must be a JSON object, but begins with ", QuoteForMessage(json.substr(0, 8))));
  }
  // The parser takes a zero byte for the end of its input.
  if (size_t zero = json.find('\0'); zero != std::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("the header is not valid JSON: zero at its byte ", zero));
  }
  HeaderBuilder builder;
  nlohmann::json::sax_parse(json.begin(), json.end(), &builder);
  SISKIN_RETURN_IF_ERROR(builder.status());
  return std::move(builder).TakeHeader();
}

std::string QuoteForMessage(std::string_view text) {
  const bool cut = text.size() > kMaxQuotedBytes;
  const std::string shown(text.substr(0, kMaxQuotedBytes));
  return absl::StrCat("\"", absl::CHexEscape(shown), cut ? "...\"" : "\"");
}

}  // namespace siskin::ops
