#include "ops/net.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace siskin::ops {
namespace {

struct Extent {
  int out = 0;
  int before = 0;
  int after = 0;
};

// Output size and padding of one axis. Symmetric padding of an even input with stride 2 pads one
// element after that is never read; it is kept, as the published tables print it.
Extent Pad(PaddingRule rule, int in, const ConvSpec& spec) {
  const int reach = spec.dilation * (spec.kernel - 1) + 1;
  if (rule == PaddingRule::kSymmetric) {
    const int pad = spec.dilation * (spec.kernel - 1) / 2;
    return {in + 2 * pad < reach ? 0 : (in + 2 * pad - reach) / spec.stride + 1, pad, pad};
  }
  const int out = (in + spec.stride - 1) / spec.stride;
  const int total = std::max((out - 1) * spec.stride + reach - in, 0);
  return {out, total / 2, total - total / 2};
}

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

Tensor Net::Append(std::string_view label, Op op, std::vector<ValueId> inputs, Shape shape) {
  if (failed()) return {};
  graph_.nodes.push_back({Qualified(label), std::move(op), std::move(inputs), shape});
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
  if (spec.out_channels < 1 || spec.kernel < 1 || spec.stride < 1 || spec.dilation < 1 ||
      spec.groups < 1) {
    Fail(spec.key, "out_channels, kernel, stride, dilation and groups must be positive");
    return {};
  }
  if (x.shape.channels % spec.groups != 0) {
    Fail(spec.key,
         absl::StrCat(x.shape.channels, " channels do not divide into ", spec.groups, " groups"));
    return {};
  }
  const Extent rows = Pad(options_.padding, x.shape.height, spec);
  const Extent columns = Pad(options_.padding, x.shape.width, spec);
  Convolution conv = {.kernel_height = spec.kernel,
                      .kernel_width = spec.kernel,
                      .stride = spec.stride,
                      .dilation = spec.dilation,
                      .groups = spec.groups,
                      .padding = {rows.before, rows.after, columns.before, columns.after}};
  conv.weight =
      AddParameter(spec.key, "weight",
                   {spec.out_channels, x.shape.channels / spec.groups, spec.kernel, spec.kernel});
  if (spec.bias) conv.bias = AddParameter(spec.key, "bias", {spec.out_channels});
  Tensor y = Append(spec.key, conv, {x.id}, {spec.out_channels, rows.out, columns.out});
  if (!spec.bn_key.empty()) y = BatchNormalise(y, spec.bn_key);
  if (spec.activation == ActivationKind::kNone) return y;
  return Act(y, spec.activation, std::string(spec.key) + ".act");
}

Tensor Net::DepthwiseConvBn(const Tensor& x, const ConvSpec& spec) {
  ConvSpec depthwise = spec;
  depthwise.out_channels = x.shape.channels;
  depthwise.groups = x.shape.channels;
  return ConvBn(x, depthwise);
}

Tensor Net::BatchNormalise(const Tensor& x, std::string_view bn_key) {
  const std::vector<int64_t> per_channel = {x.shape.channels};
  BatchNorm norm;
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

Tensor Net::GlobalAvgPool(const Tensor& x) {
  return Append("global_avgpool", ops::GlobalAvgPool{}, {x.id}, {x.shape.channels, 1, 1});
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
  return Append(spec.key, linear, {x.id}, {spec.out_features, 1, 1});
}

absl::StatusOr<Graph> Net::Finish(const Tensor& x) {
  Append("output", Output{}, {x.id}, x.shape);
  if (failed()) return status_;
  if (absl::Status valid = graph_.Validate(); !valid.ok()) return valid;
  return std::move(graph_);
}

}  // namespace siskin::ops
