#include "server/repository/model_config.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <filesystem>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "server/repository/batching_config.h"
#include "server/repository/field_reader.h"
#include "server/repository/model_config_choices.h"
#include "siskin/v1/model_config.pb.h"

namespace siskin::repository {
namespace {

using google::protobuf::TextFormat;
using v1::InputConfig;
using v1::ModelConfig;

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
  return ReadBatchingBlocks(reader, config, parsed.queue);
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
