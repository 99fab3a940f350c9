// FormatModelConfig, apart from the parser that the server needs.
#include <google/protobuf/text_format.h>

#include <optional>

#include "server/repository/model_config.h"
#include "server/repository/model_config_choices.h"

namespace siskin::repository {
namespace {

using v1::InputConfig;
using v1::ModelConfig;

// ..._UNSPECIFIED for nullopt.
template <typename Wire, typename T, size_t N>
Wire WireOf(const std::pair<Wire, T> (&meanings)[N], const std::optional<T>& value) {
  for (const auto& [wire, meaning] : meanings) {
    if (value == meaning) return wire;
  }
  return Wire{};
}

void WriteInput(const models::LoadRequest& load, InputConfig& config) {
  const models::LoadRequest::InputOverrides& input = load.input;
  if (load.input_preset.has_value()) config.set_preset(*load.input_preset);
  if (load.resolution.has_value()) config.set_size(*load.resolution);
  config.set_resize_rule(WireOf(kResizeRules, input.rule));
  if (input.resize_to.has_value()) config.set_resize_to(*input.resize_to);
  if (input.crop_fraction.has_value()) config.set_crop_fraction(*input.crop_fraction);
  config.set_interpolation(WireOf(kInterpolations, input.interpolation));
  config.set_color_order(WireOf(kColorOrders, input.color_order));
  if (input.mean.has_value()) config.mutable_mean()->Add(input.mean->begin(), input.mean->end());
  if (input.std.has_value()) config.mutable_std()->Add(input.std->begin(), input.std->end());
}

}  // namespace

std::string FormatModelConfig(const models::LoadRequest& load) {
  ModelConfig config;
  config.set_architecture(load.architecture);
  config.set_key_style(load.key_style);
  if (load.width.has_value()) config.set_width(*load.width);
  config.set_padding(WireOf(kPaddings, load.padding));
  if (load.batch_norm_epsilon.has_value()) {
    config.set_batch_norm_epsilon(*load.batch_norm_epsilon);
  }
  if (load.form.has_value()) config.set_form(*load.form);
  InputConfig input;
  WriteInput(load, input);
  if (input.ByteSizeLong() > 0) *config.mutable_input() = input;
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseShortRepeatedPrimitives(true);
  std::string text;
  printer.PrintToString(config, &text);
  return text;
}

}  // namespace siskin::repository
