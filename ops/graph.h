// A network as plain data: parameters, nodes in execution order, and the values between them.
//
// A Graph describes ONE image: shapes carry no batch dimension, a Plan adds it. Values are float32,
// logically [channels, height, width]. Nodes are in topological order; each produces the value with
// its own index, so ValueId == index into `nodes`. The first node is the Input, the last the
// Output.
//
// Graphs are values: copy, compare by dump, rewrite (ops/rewrite.h). They hold no oneDNN type.
// Thread-safe when const.
#ifndef SISKIN_OPS_GRAPH_H_
#define SISKIN_OPS_GRAPH_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "ops/tensor_data.h"

namespace siskin::ops {

struct Shape {
  int channels = 0;
  int height = 1;
  int width = 1;

  int64_t elements() const { return int64_t{channels} * height * width; }
  std::string ToString() const;  // "32x112x112"
  friend bool operator==(const Shape&, const Shape&) = default;
};

using ValueId = int;
using ParameterId = int;
inline constexpr ParameterId kNoParameter = -1;

// A learned tensor, named by its canonical checkpoint key. `data` is empty until the graph is bound
// (ops/bind.h); afterwards it holds product(shape) floats in row-major order.
struct Parameter {
  std::string key;
  std::vector<int64_t> shape;  // conv weights are OIHW (I per group); linear weights OI
  // A checkpoint may hold one more leading row (the background class of TF-slim heads); it is row 0
  // and is dropped.
  bool may_have_background_row = false;
  TensorData data = {};

  int64_t elements() const;
};

enum class ActivationKind { kNone, kRelu, kRelu6, kHardSwish, kHardSigmoid, kSwish, kSigmoid };
// "linear", "relu", "relu6", "hardswish", "hardsigmoid", "swish", "sigmoid"
const char* ToString(ActivationKind kind);

// A kernel's size, or its dilation. One number stands for both.
struct Size2d {
  int height = 1;
  int width = 1;

  Size2d() = default;
  Size2d(int side) : height(side), width(side) {}  // NOLINT: so that `.kernel = 3` reads well
  Size2d(int rows, int columns) : height(rows), width(columns) {}
  std::string ToString() const;  // "1x7"
  friend bool operator==(const Size2d&, const Size2d&) = default;
};

// Rows and columns around the input, counted in elements: zeros, or nothing at all for a pool that
// does not count them.
struct Padding {
  int top = 0;
  int bottom = 0;
  int left = 0;
  int right = 0;
  friend bool operator==(const Padding&, const Padding&) = default;
};

struct Input {};

// 2-D convolution. Depthwise when groups == input channels == output channels.
struct Convolution {
  Size2d kernel;
  int stride = 1;
  Size2d dilation;  // 1 is dense, as in PyTorch
  int groups = 1;
  Padding padding;
  ParameterId weight = kNoParameter;
  ParameterId bias = kNoParameter;  // optional
  // The two below are set by rewrites only. `residual`: inputs[1] is added before the activation.
  ActivationKind activation = ActivationKind::kNone;
  bool residual = false;
};

// Inference-time batch normalisation: (x - mean) / sqrt(variance + epsilon) * gamma + beta.
struct BatchNorm {
  ParameterId gamma = kNoParameter;
  ParameterId beta = kNoParameter;
  ParameterId mean = kNoParameter;
  ParameterId variance = kNoParameter;
  double epsilon = 1e-5;
};

struct Activation {
  ActivationKind kind = ActivationKind::kNone;
};

// Element-wise sum of two values of equal shape.
struct Add {};

// Element-wise product. inputs[1] has the shape of inputs[0], or is a gate [channels, 1, 1] that
// scales whole channels.
struct Multiply {};

// Product with a constant: the residual scale of Inception-ResNet.
struct Scale {
  double factor = 1;
};

enum class PoolKind {
  kMax,
  kAverage,                  // padding counts as zeros
  kAverageExcludingPadding,  // divides by the elements inside the input
};
const char* ToString(PoolKind kind);  // "max", "avg", "avg_exclude_padding"

struct Pool {
  PoolKind kind = PoolKind::kMax;
  Size2d kernel;
  int stride = 1;
  Padding padding;  // as read: ceil-mode pools have more after than before
};

// Mean over height and width; the result is [channels, 1, 1].
struct GlobalAvgPool {};

// Channels of all inputs, in order.
struct Concat {};

// Channels [first, first + shape.channels) of the input.
struct SliceChannels {
  int first = 0;
};

// Views the channels as [groups, channels / groups] and transposes: PyTorch's channel_shuffle.
// `channels / groups` in place of `groups` gives the inverse.
struct ChannelShuffle {
  int groups = 1;
};

// Appends channels of zeros.
struct PadChannels {};

// [channels, height, width] to [height * width * channels, 1, 1], channels fastest.
struct Flatten {};

// Fully connected layer over a [channels, 1, 1] value; weight [out, in], bias [out].
struct Linear {
  ParameterId weight = kNoParameter;
  ParameterId bias = kNoParameter;                    // optional
  ActivationKind activation = ActivationKind::kNone;  // set by rewrites only
};

struct Output {};

using Op = std::variant<Input, Convolution, BatchNorm, Activation, Add, Multiply, Scale, Pool,
                        GlobalAvgPool, Concat, SliceChannels, ChannelShuffle, PadChannels, Flatten,
                        Linear, Output>;

// True for ops whose result may lie in their operand's memory: the operand cannot be overwritten
// while the result is needed.
inline bool IsView(const Op& op) {
  return std::holds_alternative<SliceChannels>(op) || std::holds_alternative<Flatten>(op);
}

struct Node {
  std::string name;  // the layer's canonical key, or a label ("input", "features.3.add")
  Op op;
  std::vector<ValueId> inputs;
  Shape shape;  // of the value this node produces
};

struct Graph {
  std::string name;
  std::vector<Parameter> parameters;
  std::vector<Node> nodes;

  const Shape& input_shape() const { return nodes.front().shape; }
  const Shape& output_shape() const { return nodes.back().shape; }

  // Multiply-adds of convolutions and linear layers for one image, the convention of the
  // literature.
  int64_t MultiplyAdds() const;
  int64_t MultiplyAdds(const Node& node) const;
  // Elements of the trainable parameters: running statistics are not counted.
  int64_t ParameterCount() const;
  bool IsBound() const;  // every parameter has data

  // The pooled feature vector: the last GlobalAvgPool. -1 if the network has none.
  ValueId Features() const;

  // Indices of the nodes that read `value`, in order, once for each operand.
  std::vector<int> Consumers(ValueId value) const;

  // Canonical text form: a line a node, stable across releases, without parameter values.
  std::string Dump() const;

  // Checks the invariants in the header comment and every op against its operands' shapes.
  absl::Status Validate() const;
};

}  // namespace siskin::ops

#endif  // SISKIN_OPS_GRAPH_H_
