// Builds a Graph with the verbs of the literature.
//
//   Net net("mobilenet_v1", {.padding = PaddingRule::kSymmetric, .batch_norm_epsilon = 1e-5});
//   Tensor x = net.Input({3, 224, 224});
//   x = net.ConvBn(x, {.key = "conv_stem", .bn_key = "bn1", .out_channels = 32, .kernel = 3,
//                      .stride = 2, .activation = ActivationKind::kRelu6});
//   {
//     Net::Scope block(net, "blocks.0.0");   // keys below are relative to it
//     x = net.DepthwiseConvBn(x, {.key = "conv_dw", .bn_key = "bn1", .kernel = 3, ...});
//   }
//   x = net.Linear(net.GlobalAvgPool(x), {.key = "classifier", .out_features = 1000});
//   absl::StatusOr<Graph> graph = net.Finish(x);
//
// Building does no I/O and never throws. The first error (a channel count of zero, a kernel larger
// than its padded input, a duplicate key) sticks: later verbs do nothing and Finish returns it.
// Not thread-safe; a Net builds one graph.
#ifndef SISKIN_OPS_NET_H_
#define SISKIN_OPS_NET_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ops/graph.h"

namespace siskin::ops {

enum class PaddingRule {
  kSymmetric,  // dilation * (k - 1) / 2 on both sides, as PyTorch ports do
  kTfSame,     // TensorFlow SAME: ceil(in / stride) outputs, the odd element after
};

struct NetOptions {
  PaddingRule padding = PaddingRule::kSymmetric;
  double batch_norm_epsilon = 1e-5;
};

// A handle on a value of the graph under construction. Cheap to copy.
struct Tensor {
  ValueId id = -1;
  Shape shape;
};

// Convolution, then batch norm unless `bn_key` is empty, then activation.
struct ConvSpec {
  std::string_view key = {};     // "<key>.weight" [out, in / groups, kh, kw]
  std::string_view bn_key = {};  // of "<bn_key>.{weight,bias,running_mean,running_var}"
  int out_channels = 0;          // ConvBn only
  Size2d kernel = 1;
  int stride = 1;
  Size2d dilation = 1;
  int groups = 1;                                 // ConvBn only
  std::optional<Padding> padding = std::nullopt;  // unset: by the network's rule
  bool bias = false;                              // "<key>.bias" exists beside the batch norm
  ActivationKind activation = ActivationKind::kNone;
};
inline constexpr Padding kNoPadding = {};  // "valid" convolutions

struct PoolSpec {
  Size2d kernel = 1;
  int stride = 1;
  int padding = 0;         // on all sides
  bool ceil_mode = false;  // max pools only: a last window may hang over the end (Caffe, PyTorch)
};

struct LinearSpec {
  std::string_view key = {};  // "<key>.weight" [out, in], "<key>.bias" [out]
  int out_features = 0;
  bool bias = true;
  ActivationKind activation = ActivationKind::kNone;
  bool may_have_background_row = false;  // see Parameter
};

class Net {
 public:
  Net(std::string name, NetOptions options);

  Tensor Input(Shape shape);
  Tensor ConvBn(const Tensor& x, const ConvSpec& spec);
  Tensor DepthwiseConvBn(const Tensor& x, const ConvSpec& spec);  // groups = channels of x
  // Alone: behind a Concat, where ConvBn cannot reach.
  Tensor BatchNorm(const Tensor& x, std::string_view bn_key);
  Tensor Act(const Tensor& x, ActivationKind kind, std::string_view label);
  Tensor Add(const Tensor& x, const Tensor& y, std::string_view label);
  Tensor Multiply(const Tensor& x, const Tensor& gate,
                  std::string_view label);  // see ops::Multiply
  Tensor Scale(const Tensor& x, double factor, std::string_view label);
  Tensor MaxPool(const Tensor& x, const PoolSpec& spec, std::string_view label);
  Tensor AvgPool(const Tensor& x, const PoolSpec& spec, std::string_view label);  // counts padding
  Tensor AvgPoolExcludingPadding(const Tensor& x, const PoolSpec& spec, std::string_view label);
  Tensor GlobalAvgPool(const Tensor& x, std::string_view label = "global_avgpool");
  Tensor Concat(const std::vector<Tensor>& parts, std::string_view label);
  Tensor SliceChannels(const Tensor& x, int first, int count, std::string_view label);
  Tensor ChannelShuffle(const Tensor& x, int groups, std::string_view label);
  Tensor PadChannels(const Tensor& x, int channels, std::string_view label);  // to `channels`
  Tensor Flatten(const Tensor& x, std::string_view label);
  Tensor Linear(const Tensor& x, const LinearSpec& spec);

  // Marks `x` as the output and returns the validated graph, or the first error.
  absl::StatusOr<Graph> Finish(const Tensor& x);

  // Prefixes keys and labels with "<name>." while alive. Scopes nest.
  class Scope {
   public:
    Scope(Net& net, std::string_view name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Net& net_;
    size_t outer_length_;
  };

 private:
  Tensor AppendPool(const Tensor& x, PoolKind kind, const PoolSpec& spec, std::string_view label);
  Tensor Append(std::string_view label, const Op& op, std::vector<ValueId> inputs, Shape shape);
  ParameterId AddParameter(std::string_view layer, std::string_view suffix,
                           std::vector<int64_t> shape);
  std::string Qualified(std::string_view name) const;
  void Fail(std::string_view layer, std::string_view what);
  bool failed() const { return !status_.ok(); }

  NetOptions options_;
  Graph graph_;
  std::string prefix_;  // "" or "blocks.0.0."
  absl::Status status_;
};

}  // namespace siskin::ops

#endif  // SISKIN_OPS_NET_H_
