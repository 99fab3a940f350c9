#include "server/repository/model_config.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/repeated_field.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "server/repository/model_config_choices.h"
#include "siskin/v1/model_config.pb.h"

namespace siskin::repository {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::RepeatedField;
using google::protobuf::TextFormat;
using v1::BatchingConfig;
using v1::InputConfig;
using v1::ModelConfig;

// protobuf counts lines and columns from zero; -1 is "nowhere in particular".
absl::Status ErrorAt(const std::string& path, TextFormat::ParseLocation at,
                     const std::string& message) {
  return absl::InvalidArgumentError(absl::StrCat(path, ":", std::max(at.line, 0) + 1, ":",
                                                 std::max(at.column, 0) + 1, ": ", message));
}

// Keeps the first error, the one that caused the others.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  explicit FirstError(const std::string& path) : path_(path) {}

  void AddError(int line, int column, const std::string& message) override {
    if (status_.ok()) status_ = ErrorAt(path_, {line, column}, message);
  }
  const absl::Status& status() const { return status_; }

 private:
  const std::string& path_;
  absl::Status status_;
};

std::string Show(double value) {
  const bool integral = std::abs(value) < 1e15 && value == std::floor(value);
  return integral ? absl::StrCat(static_cast<int64_t>(value)) : absl::StrCat(value);
}

// Checks the values of one message, whose fields go by number, and says where in the file a bad one
// stands.
class FieldReader {
 public:
  // `tree` may be null for a message that is not in the file: it has no bad values.
  FieldReader(const std::string& path, const Descriptor* message,
              const TextFormat::ParseInfoTree* tree)
      : path_(path), message_(*message), tree_(tree) {}

  FieldReader Nested(int number) const {
    const FieldDescriptor* field = message_.FindFieldByNumber(number);
    return FieldReader(path_, field->message_type(),
                       tree_ == nullptr ? nullptr : tree_->GetTreeForNested(field, -1));
  }

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
  absl::Status Triple(int number, const RepeatedField<T>& found, double min, double max,
                      std::optional<std::array<float, 3>>& value) const {
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

  absl::Status Fault(int number, const std::string& what) const {
    const FieldDescriptor* field = message_.FindFieldByNumber(number);
    TextFormat::ParseLocation at;
    if (tree_ != nullptr) at = tree_->GetLocation(field, field->is_repeated() ? 0 : -1);
    return ErrorAt(path_, at, absl::StrCat("\"", field->name(), "\" ", what));
  }

 private:
  absl::Status CheckRange(int number, double value, double min, double max) const {
    if (value >= min && value <= max) return absl::OkStatus();  // not so for NaN
    return Fault(number,
                 absl::StrCat("is ", Show(value), "; expected ", Show(min), " to ", Show(max)));
  }

  const std::string& path_;
  const Descriptor& message_;
  const TextFormat::ParseInfoTree* const tree_;
};

// A knob of another rule than the one stated would be ignored, which nobody means.
absl::Status CheckRule(const FieldReader& reader,
                       const models::LoadRequest::InputOverrides& input) {
  using models::ResizeRule;
  const auto conflicts = [&](ResizeRule user) { return input.rule.value_or(user) != user; };
  if (input.resize_to.has_value() && conflicts(ResizeRule::kShortSideThenCrop)) {
    return reader.Fault(InputConfig::kResizeToFieldNumber,
                        "needs resize_rule: RESIZE_RULE_SHORT_SIDE_THEN_CROP");
  }
  if (input.crop_fraction.has_value() && conflicts(ResizeRule::kCropFraction)) {
    return reader.Fault(InputConfig::kCropFractionFieldNumber,
                        "needs resize_rule: RESIZE_RULE_CROP_FRACTION");
  }
  return absl::OkStatus();
}

absl::Status ReadInput(const FieldReader& reader, const InputConfig& config,
                       models::LoadRequest& load) {
  constexpr double kMaxPixels = 4096;  // a side
  auto& input = load.input;
  if (!config.preset().empty()) load.input_preset = config.preset();
  SISKIN_RETURN_IF_ERROR(reader.Number(InputConfig::kSizeFieldNumber, config.has_size(),
                                       config.size(), 1, kMaxPixels, load.resolution));
  SISKIN_RETURN_IF_ERROR(reader.Choice(InputConfig::kResizeRuleFieldNumber, config.resize_rule(),
                                       kResizeRules, input.rule));
  SISKIN_RETURN_IF_ERROR(reader.Number(InputConfig::kResizeToFieldNumber, config.has_resize_to(),
                                       config.resize_to(), 1, kMaxPixels, input.resize_to));
  SISKIN_RETURN_IF_ERROR(reader.Number(InputConfig::kCropFractionFieldNumber,
                                       config.has_crop_fraction(), config.crop_fraction(), 0.01, 1,
                                       input.crop_fraction));
  SISKIN_RETURN_IF_ERROR(reader.Choice(InputConfig::kInterpolationFieldNumber,
                                       config.interpolation(), kInterpolations,
                                       input.interpolation));
  SISKIN_RETURN_IF_ERROR(reader.Choice(InputConfig::kColorOrderFieldNumber, config.color_order(),
                                       kColorOrders, input.color_order));
  SISKIN_RETURN_IF_ERROR(
      reader.Triple(InputConfig::kMeanFieldNumber, config.mean(), -65536, 65536, input.mean));
  SISKIN_RETURN_IF_ERROR(
      reader.Triple(InputConfig::kStdFieldNumber, config.std(), 0.001, 65536, input.std));
  return CheckRule(reader, input);
}

// What the auto policy has no use for would be ignored, which nobody means.
absl::Status CheckPolicy(const FieldReader& reader, const batching::QueueSettings& queue) {
  if (queue.policy != batching::BatchPolicy::kAuto) return absl::OkStatus();
  if (queue.max_delay > absl::ZeroDuration()) {
    return reader.Fault(BatchingConfig::kMaxDelayMicrosecondsFieldNumber,
                        "needs policy: BATCH_POLICY_FIXED");
  }
  if (!queue.preferred_batch_sizes.empty()) {
    return reader.Fault(BatchingConfig::kPreferredBatchSizeFieldNumber,
                        "needs policy: BATCH_POLICY_FIXED");
  }
  return absl::OkStatus();
}

absl::Status ReadBatching(const FieldReader& reader, const BatchingConfig& config,
                          batching::QueueSettings& queue) {
  std::optional<int> delay_microseconds;
  std::optional<int> target_microseconds;
  if (config.has_max_batch_size()) {
    if (auto valid = batching::CheckBatchSize(config.max_batch_size()); !valid.ok()) {
      return reader.Fault(BatchingConfig::kMaxBatchSizeFieldNumber,
                          absl::StrCat("is out of range: ", valid.message()));
    }
    queue.max_batch_size = static_cast<int>(config.max_batch_size());
  }
  SISKIN_RETURN_IF_ERROR(reader.Number(
      BatchingConfig::kMaxDelayMicrosecondsFieldNumber, config.has_max_delay_microseconds(),
      config.max_delay_microseconds(), 0, 1'000'000, delay_microseconds));
  if (delay_microseconds.has_value()) queue.max_delay = absl::Microseconds(*delay_microseconds);
  SISKIN_RETURN_IF_ERROR(reader.Number(BatchingConfig::kQueueCapacityFieldNumber,
                                       config.has_queue_capacity(), config.queue_capacity(), 1,
                                       65536, queue.capacity));
  SISKIN_RETURN_IF_ERROR(reader.Number(BatchingConfig::kWeightFieldNumber, config.has_weight(),
                                       config.weight(), 0.001, 1000, queue.weight));
  SISKIN_RETURN_IF_ERROR(reader.Number(
      BatchingConfig::kTargetDelayMicrosecondsFieldNumber, config.has_target_delay_microseconds(),
      config.target_delay_microseconds(), 1, 60'000'000, target_microseconds));
  if (target_microseconds.has_value()) {
    queue.target_delay = absl::Microseconds(*target_microseconds);
  }
  SISKIN_RETURN_IF_ERROR(reader.Choice(BatchingConfig::kPolicyFieldNumber, config.policy(),
                                       kBatchPolicies, queue.policy));
  queue.preferred_batch_sizes.assign(config.preferred_batch_size().begin(),
                                     config.preferred_batch_size().end());
  return CheckPolicy(reader, queue);
}

// What the fields of all blocks come to.
absl::Status CheckQueue(const FieldReader& reader, const batching::QueueSettings& queue) {
  const batching::QueueOptions options = batching::Resolve(queue, {});
  if (const auto valid = batching::CheckLimits(options.limits); !valid.ok()) {
    return reader.Fault(BatchingConfig::kPreferredBatchSizeFieldNumber,
                        absl::StrCat("is out of range: ", valid.message()));
  }
  if (options.capacity < options.limits.max_batch_size) {
    return reader.Fault(BatchingConfig::kQueueCapacityFieldNumber,
                        absl::StrCat("is ", options.capacity, ", less than a batch of ",
                                     options.limits.max_batch_size));
  }
  return absl::OkStatus();
}

absl::Status ReadConfig(const FieldReader& reader, const ModelConfig& config,
                        ParsedConfig& parsed) {
  models::LoadRequest& load = parsed.load;
  load.architecture = config.architecture();
  load.key_style = config.key_style();
  if (config.has_form()) load.form = config.form();
  parsed.dilation_pattern_file = config.dilation_pattern_file();
  if (std::filesystem::path(parsed.dilation_pattern_file).is_absolute()) {
    return reader.Fault(ModelConfig::kDilationPatternFileFieldNumber,
                        "is an absolute path; expected one relative to the model's folder");
  }
  SISKIN_RETURN_IF_ERROR(reader.Number(ModelConfig::kWidthFieldNumber, config.has_width(),
                                       config.width(), 0.01, 8, load.width));
  SISKIN_RETURN_IF_ERROR(
      reader.Choice(ModelConfig::kPaddingFieldNumber, config.padding(), kPaddings, load.padding));
  SISKIN_RETURN_IF_ERROR(reader.Number(ModelConfig::kBatchNormEpsilonFieldNumber,
                                       config.has_batch_norm_epsilon(), config.batch_norm_epsilon(),
                                       1e-12, 1, load.batch_norm_epsilon));
  SISKIN_RETURN_IF_ERROR(
      ReadInput(reader.Nested(ModelConfig::kInputFieldNumber), config.input(), load));
  const FieldReader batching = reader.Nested(ModelConfig::kBatchingFieldNumber);
  SISKIN_RETURN_IF_ERROR(ReadBatching(batching, config.batching(), parsed.queue));
  return CheckQueue(batching, parsed.queue);
}

}  // namespace

absl::StatusOr<ParsedConfig> ParseModelConfig(const std::string& path, std::string_view text) {
  ModelConfig config;
  FirstError error(path);
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(&tree);
  if (!parser.ParseFromString(std::string(text), &config)) return error.status();
  ParsedConfig parsed;
  SISKIN_RETURN_IF_ERROR(ReadConfig(FieldReader(path, config.descriptor(), &tree), config, parsed));
  return parsed;
}

}  // namespace siskin::repository
