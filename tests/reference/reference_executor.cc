#include "tests/reference/reference_executor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace siskin::testing {
namespace {

using Values = std::vector<double>;

double Activate(ops::ActivationKind kind, double x) {
  switch (kind) {
    case ops::ActivationKind::kRelu:
      return std::max(x, 0.0);
    case ops::ActivationKind::kRelu6:
      return std::clamp(x, 0.0, 6.0);
    case ops::ActivationKind::kHardSwish:
      return x * std::clamp(x + 3, 0.0, 6.0) / 6;
    case ops::ActivationKind::kHardSigmoid:
      return std::clamp(x + 3, 0.0, 6.0) / 6;
    case ops::ActivationKind::kSwish:
      return x / (1 + std::exp(-x));
    case ops::ActivationKind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case ops::ActivationKind::kNone:
      break;
  }
  return x;
}

struct Interpreter {
  const ops::Graph& graph;
  const ops::Node& node;
  const std::vector<Values>& values;

  const Values& In(int i) const { return values[node.inputs[i]]; }
  const ops::Shape& InShape() const { return graph.nodes[node.inputs[0]].shape; }
  double Parameter(ops::ParameterId id, size_t i) const {
    return id == ops::kNoParameter ? 0.0 : graph.parameters[id].data.values()[i];
  }

  Values operator()(const ops::Input&) const { return values[0]; }
  Values operator()(const ops::Output&) const { return In(0); }

  // One output element: the window's products summed over the group's input channels.
  double Window(const ops::Convolution& conv, int channel, int y, int x) const {
    const int in_per_group = InShape().channels / conv.groups;
    const int first = channel / (node.shape.channels / conv.groups) * in_per_group;
    double sum = 0;
    for (int c = 0; c < in_per_group; ++c) {
      for (int ky = 0; ky < conv.kernel.height; ++ky) {
        for (int kx = 0; kx < conv.kernel.width; ++kx) {
          const int in_y = y * conv.stride - conv.padding.top + ky * conv.dilation.height;
          const int in_x = x * conv.stride - conv.padding.left + kx * conv.dilation.width;
          if (in_y < 0 || in_y >= InShape().height || in_x < 0 || in_x >= InShape().width) continue;
          const size_t weight =
              ((size_t{1} * channel * in_per_group + c) * conv.kernel.height + ky) *
                  conv.kernel.width +
              kx;
          sum +=
              Parameter(conv.weight, weight) *
              In(0)[(size_t{1} * (first + c) * InShape().height + in_y) * InShape().width + in_x];
        }
      }
    }
    return sum;
  }

  Values operator()(const ops::Convolution& conv) const {
    Values out;
    for (int c = 0; c < node.shape.channels; ++c) {
      for (int y = 0; y < node.shape.height; ++y) {
        for (int x = 0; x < node.shape.width; ++x) {
          double sum = Window(conv, c, y, x) + Parameter(conv.bias, c);
          if (conv.residual) sum += In(1)[out.size()];
          out.push_back(Activate(conv.activation, sum));
        }
      }
    }
    return out;
  }

  Values operator()(const ops::BatchNorm& norm) const {
    Values out = In(0);
    const size_t area = size_t{1} * node.shape.height * node.shape.width;
    for (size_t i = 0; i < out.size(); ++i) {
      const size_t c = i / area;
      out[i] = (out[i] - Parameter(norm.mean, c)) /
                   std::sqrt(Parameter(norm.variance, c) + norm.epsilon) *
                   Parameter(norm.gamma, c) +
               Parameter(norm.beta, c);
    }
    return out;
  }

  Values operator()(const ops::Activation& activation) const {
    Values out = In(0);
    for (double& value : out) value = Activate(activation.kind, value);
    return out;
  }

  Values operator()(const ops::Add&) const {
    Values out = In(0);
    for (size_t i = 0; i < out.size(); ++i) out[i] += In(1)[i];
    return out;
  }

  Values operator()(const ops::Multiply&) const {
    Values out = In(0);
    const size_t repeat = out.size() / In(1).size();  // of a gate: the pixels of a channel
    for (size_t i = 0; i < out.size(); ++i) out[i] *= In(1)[i / repeat];
    return out;
  }

  Values operator()(const ops::Scale& scale) const {
    Values out = In(0);
    for (double& value : out) value *= scale.factor;
    return out;
  }

  // One output element of a pool.
  double Window(const ops::Pool& pool, int channel, int y, int x) const {
    double sum = 0, largest = -std::numeric_limits<double>::infinity();
    int inside = 0;
    for (int ky = 0; ky < pool.kernel.height; ++ky) {
      for (int kx = 0; kx < pool.kernel.width; ++kx) {
        const int in_y = y * pool.stride - pool.padding.top + ky;
        const int in_x = x * pool.stride - pool.padding.left + kx;
        if (in_y < 0 || in_y >= InShape().height || in_x < 0 || in_x >= InShape().width) continue;
        const double value =
            In(0)[(size_t{1} * channel * InShape().height + in_y) * InShape().width + in_x];
        sum += value;
        largest = std::max(largest, value);
        ++inside;
      }
    }
    if (pool.kind == ops::PoolKind::kMax) return largest;
    const int counted =
        pool.kind == ops::PoolKind::kAverage ? pool.kernel.height * pool.kernel.width : inside;
    return sum / counted;
  }

  Values operator()(const ops::Pool& pool) const {
    Values out;
    for (int c = 0; c < node.shape.channels; ++c) {
      for (int y = 0; y < node.shape.height; ++y) {
        for (int x = 0; x < node.shape.width; ++x) out.push_back(Window(pool, c, y, x));
      }
    }
    return out;
  }

  Values operator()(const ops::Concat&) const {
    Values out;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Values& part = In(static_cast<int>(i));
      out.insert(out.end(), part.begin(), part.end());
    }
    return out;
  }

  Values operator()(const ops::SliceChannels& slice) const {
    const size_t area = size_t{1} * node.shape.height * node.shape.width;
    const auto first = In(0).begin() + static_cast<std::ptrdiff_t>(slice.first * area);
    return {first, first + static_cast<std::ptrdiff_t>(node.shape.elements())};
  }

  Values operator()(const ops::ChannelShuffle& shuffle) const {
    const size_t area = size_t{1} * node.shape.height * node.shape.width;
    const size_t per_group = node.shape.channels / shuffle.groups;
    Values out(In(0).size());
    for (size_t i = 0; i < out.size(); ++i) {
      const size_t c = i / area;  // = position in its group * groups + group
      out[i] = In(0)[(c % shuffle.groups * per_group + c / shuffle.groups) * area + i % area];
    }
    return out;
  }

  Values operator()(const ops::PadChannels&) const {
    Values out = In(0);
    out.resize(node.shape.elements(), 0.0);
    return out;
  }

  Values operator()(const ops::Flatten&) const {
    const size_t area = size_t{1} * InShape().height * InShape().width;
    const size_t channels = InShape().channels;
    Values out(In(0).size());
    for (size_t i = 0; i < out.size(); ++i) out[i] = In(0)[i % channels * area + i / channels];
    return out;
  }

  Values operator()(const ops::GlobalAvgPool&) const {
    const size_t area = In(0).size() / node.shape.channels;
    Values out(node.shape.channels, 0.0);
    for (size_t i = 0; i < In(0).size(); ++i) out[i / area] += In(0)[i] / static_cast<double>(area);
    return out;
  }

  Values operator()(const ops::Linear& linear) const {
    Values out(node.shape.channels);
    for (size_t o = 0; o < out.size(); ++o) {
      out[o] = Parameter(linear.bias, o);
      for (size_t i = 0; i < In(0).size(); ++i) {
        out[o] += Parameter(linear.weight, o * In(0).size() + i) * In(0)[i];
      }
      out[o] = Activate(linear.activation, out[o]);
    }
    return out;
  }
};

}  // namespace

std::vector<double> Evaluate(const ops::Graph& graph, absl::Span<const float> image) {
  std::vector<Values> values(graph.nodes.size());
  values[0].assign(image.begin(), image.end());
  for (size_t i = 1; i < graph.nodes.size(); ++i) {
    values[i] = std::visit(Interpreter{graph, graph.nodes[i], values}, graph.nodes[i].op);
  }
  return values.back();
}

std::vector<double> EvaluateAll(const ops::Graph& graph, absl::Span<const float> images) {
  std::vector<double> outputs;
  const size_t size = graph.input_shape().elements();
  for (size_t i = 0; i < images.size(); i += size) {
    const std::vector<double> output = Evaluate(graph, images.subspan(i, size));
    outputs.insert(outputs.end(), output.begin(), output.end());
  }
  return outputs;
}

std::vector<float> RandomValues(size_t count, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = static_cast<float>(generator() >> 40) / static_cast<float>(1 << 23) - 1.0f;
  }
  return values;
}

}  // namespace siskin::testing
