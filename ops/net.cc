#include "ops/net.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ops/windows.h"

namespace siskin::ops {
namespace {

bool Positive(const Size2d& size) { return size.height >= 1 && size.width >= 1; }

}  // namespace

Net::Net(std::string name, NetOptions options) : options_(options) {
  graph_.name = std::move(name);
}

Net::Scope::Scope(Net& net, std::string_view name) : net_(net), outer_length_(net.prefix_.size()) {
  net_.prefix_.append(name).append(".");
}

Net::Scope::~Scope() { net_.prefix_.resize(outer_length_); }

std::string Net::Qualified(std::string_view name) const {
  return std::string(prefix_).append(name);
}

void Net::Fail(std::string_view layer, std::string_view what) {
  if (failed()) return;
  status_ = absl::InvalidArgumentError(
      absl::StrCat("network ", graph_.name, ": ", Qualified(layer), ": ", std::string(what)));
}

Tensor Net::Append(std::string_view label, const Op& op, std::vector<ValueId> inputs, Shape shape) {
  if (failed()) return {};
  graph_.nodes.push_back({Qualified(label), op, std::move(inputs), shape});
  return {static_cast<ValueId>(graph_.nodes.size()) - 1, shape};
}

ParameterId Net::AddParameter(std::string_view layer, std::string_view suffix,
                              std::vector<int64_t> shape) {
  std::string key = Qualified(layer).append(".").append(suffix);
  const auto same = [&key](const Parameter& parameter) { return parameter.key == key; };
  if (std::any_of(graph_.parameters.begin(), graph_.parameters.end(), same)) {
    Fail(layer, absl::StrCat("parameter ", key, " is declared twice"));
  }
  graph_.parameters.push_back({.key = std::move(key), .shape = std::move(shape), .data = {}});
  return static_cast<ParameterId>(graph_.parameters.size()) - 1;
}

Tensor Net::Input(Shape shape) {
  if (!graph_.nodes.empty()) Fail("input", "must be the first verb");
  return Append("input", ops::Input{}, {}, shape);
}

Tensor Net::ConvBn(const Tensor& x, const ConvSpec& spec) {
  if (failed()) return {};
  if (spec.out_channels < 1 || !Positive(spec.kernel) || spec.stride < 1 ||
      !Positive(spec.dilation) || spec.groups < 1) {
    Fail(spec.key, "out_channels, kernel, stride, dilation and groups must be positive");
    return {};
  }
  if (x.shape.channels % spec.groups != 0) {
    Fail(spec.key,
         absl::StrCat(x.shape.channels, " channels do not divide into ", spec.groups, " groups"));
    return {};
  }
  const WindowSpec window = {spec.kernel, spec.stride, spec.dilation};
  const Padding padding = spec.padding.value_or(PaddingByRule(options_.padding, x.shape, window));
  Convolution conv = {.kernel = spec.kernel,
                      .stride = spec.stride,
                      .dilation = spec.dilation,
                      .groups = spec.groups,
                      .padding = padding};
  conv.weight = AddParameter(
      spec.key, "weight",
      {spec.out_channels, x.shape.channels / spec.groups, spec.kernel.height, spec.kernel.width});
  if (spec.bias) conv.bias = AddParameter(spec.key, "bias", {spec.out_channels});
  Tensor y =
      Append(spec.key, conv, {x.id}, WindowedShape(spec.out_channels, x.shape, window, padding));
  if (!spec.bn_key.empty()) y = BatchNorm(y, spec.bn_key);
  if (spec.activation == ActivationKind::kNone) return y;
  return Act(y, spec.activation, std::string(spec.key) + ".act");
}

Tensor Net::DepthwiseConvBn(const Tensor& x, const ConvSpec& spec) {
  ConvSpec depthwise = spec;
  depthwise.out_channels = x.shape.channels;
  depthwise.groups = x.shape.channels;
  return ConvBn(x, depthwise);
}

Tensor Net::BatchNorm(const Tensor& x, std::string_view bn_key) {
  const std::vector<int64_t> per_channel = {x.shape.channels};
  ops::BatchNorm norm;
  norm.gamma = AddParameter(bn_key, "weight", per_channel);
  norm.beta = AddParameter(bn_key, "bias", per_channel);
  norm.mean = AddParameter(bn_key, "running_mean", per_channel);
  norm.variance = AddParameter(bn_key, "running_var", per_channel);
  norm.epsilon = options_.batch_norm_epsilon;
  return Append(bn_key, norm, {x.id}, x.shape);
}

Tensor Net::Act(const Tensor& x, ActivationKind kind, std::string_view label) {
  return Append(label, Activation{kind}, {x.id}, x.shape);
}

Tensor Net::Add(const Tensor& x, const Tensor& y, std::string_view label) {
  if (!failed() && !(x.shape == y.shape)) {
    Fail(label, absl::StrCat("adds ", x.shape.ToString(), " to ", y.shape.ToString()));
  }
  return Append(label, ops::Add{}, {x.id, y.id}, x.shape);
}

Tensor Net::Multiply(const Tensor& x, const Tensor& gate, std::string_view label) {
  return Append(label, ops::Multiply{}, {x.id, gate.id}, x.shape);
}

Tensor Net::Scale(const Tensor& x, double factor, std::string_view label) {
  return Append(label, ops::Scale{factor}, {x.id}, x.shape);
}

Tensor Net::MaxPool(const Tensor& x, const PoolSpec& spec, std::string_view label) {
  return AppendPool(x, PoolKind::kMax, spec, label);
}

Tensor Net::AvgPool(const Tensor& x, const PoolSpec& spec, std::string_view label) {
  if (spec.ceil_mode) Fail(label, "average pools have no ceil mode");
  return AppendPool(x, PoolKind::kAverage, spec, label);
}

Tensor Net::AvgPoolExcludingPadding(const Tensor& x, const PoolSpec& spec, std::string_view label) {
  if (spec.ceil_mode) Fail(label, "average pools have no ceil mode");
  return AppendPool(x, PoolKind::kAverageExcludingPadding, spec, label);
}

Tensor Net::AppendPool(const Tensor& x, PoolKind kind, const PoolSpec& spec,
                       std::string_view label) {
  if (failed()) return {};
  if (!Positive(spec.kernel) || spec.stride < 1 || spec.padding < 0) {
    Fail(label, "kernel and stride must be positive, padding not negative");
    return {};
  }
  const WindowSpec window = {spec.kernel, spec.stride};
  const Padding padding = PoolPadding(x.shape, window, spec.padding, spec.ceil_mode);
  return Append(
      label, Pool{.kind = kind, .kernel = spec.kernel, .stride = spec.stride, .padding = padding},
      {x.id}, WindowedShape(x.shape.channels, x.shape, window, padding));
}

Tensor Net::GlobalAvgPool(const Tensor& x, std::string_view label) {
  return Append(label, ops::GlobalAvgPool{}, {x.id}, {x.shape.channels, 1, 1});
}

Tensor Net::Concat(const std::vector<Tensor>& parts, std::string_view label) {
  if (failed()) return {};
  if (parts.empty()) {
    Fail(label, "concatenates nothing");
    return {};
  }
  Shape shape = {0, parts[0].shape.height, parts[0].shape.width};
  std::vector<ValueId> inputs;
  for (const Tensor& part : parts) {
    shape.channels += part.shape.channels;
    inputs.push_back(part.id);
  }
  return Append(label, ops::Concat{}, std::move(inputs), shape);
}

Tensor Net::SliceChannels(const Tensor& x, int first, int count, std::string_view label) {
  return Append(label, ops::SliceChannels{first}, {x.id}, {count, x.shape.height, x.shape.width});
}

Tensor Net::ChannelShuffle(const Tensor& x, int groups, std::string_view label) {
  return Append(label, ops::ChannelShuffle{groups}, {x.id}, x.shape);
}

Tensor Net::PadChannels(const Tensor& x, int channels, std::string_view label) {
  return Append(label, ops::PadChannels{}, {x.id}, {channels, x.shape.height, x.shape.width});
}

Tensor Net::Flatten(const Tensor& x, std::string_view label) {
  return Append(label, ops::Flatten{}, {x.id}, {static_cast<int>(x.shape.elements()), 1, 1});
}

Tensor Net::Linear(const Tensor& x, const LinearSpec& spec) {
  if (failed()) return {};
  if (spec.out_features < 1) {
    Fail(spec.key, "out_features must be positive");
    return {};
  }
  ops::Linear linear;
  linear.weight = AddParameter(spec.key, "weight", {spec.out_features, x.shape.channels});
  if (spec.bias) linear.bias = AddParameter(spec.key, "bias", {spec.out_features});
  for (ParameterId id : {linear.weight, linear.bias}) {
    if (id != kNoParameter) {
      graph_.parameters[id].may_have_background_row = spec.may_have_background_row;
    }
  }
  const Tensor y = Append(spec.key, linear, {x.id}, {spec.out_features, 1, 1});
  if (spec.activation == ActivationKind::kNone) return y;
  return Act(y, spec.activation, std::string(spec.key) + ".act");
}

absl::StatusOr<Graph> Net::Finish(const Tensor& x) {
  Append("output", Output{}, {x.id}, x.shape);
  if (failed()) return status_;
  if (absl::Status valid = graph_.Validate(); !valid.ok()) return valid;
  return std::move(graph_);
}

}  // namespace siskin::ops
