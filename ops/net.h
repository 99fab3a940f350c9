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
  std::string_view key = {};     // "<key>.weight" [out, in / groups, k, k]
  std::string_view bn_key = {};  // of "<bn_key>.{weight,bias,running_mean,running_var}"
  int out_channels = 0;          // Conv and ConvBn only
  int kernel = 1;
  int stride = 1;
  int dilation = 1;
  int groups = 1;     // Conv and ConvBn only
  bool bias = false;  // "<key>.bias" exists beside the batch norm
  ActivationKind activation = ActivationKind::kNone;
};

struct LinearSpec {
  std::string_view key = {};  // "<key>.weight" [out, in], "<key>.bias" [out]
  int out_features = 0;
  bool bias = true;
  bool may_have_background_row = false;  // see Parameter
};

class Net {
 public:
  Net(std::string name, NetOptions options);

  Tensor Input(Shape shape);
  Tensor ConvBn(const Tensor& x, const ConvSpec& spec);
  Tensor DepthwiseConvBn(const Tensor& x, const ConvSpec& spec);  // groups = channels of x
  Tensor Act(const Tensor& x, ActivationKind kind, std::string_view label);
  Tensor Add(const Tensor& x, const Tensor& y, std::string_view label);
  Tensor GlobalAvgPool(const Tensor& x);
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
  Tensor Append(std::string_view label, Op op, std::vector<ValueId> inputs, Shape shape);
  ParameterId AddParameter(std::string_view layer, std::string_view suffix,
                           std::vector<int64_t> shape);
  Tensor BatchNormalise(const Tensor& x, std::string_view bn_key);
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
