#include "tests/reference/reference_executor.h"

#include <algorithm>
#include <cmath>
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
      for (int ky = 0; ky < conv.kernel_height; ++ky) {
        for (int kx = 0; kx < conv.kernel_width; ++kx) {
          const int in_y = y * conv.stride - conv.padding.top + ky * conv.dilation;
          const int in_x = x * conv.stride - conv.padding.left + kx * conv.dilation;
          if (in_y < 0 || in_y >= InShape().height || in_x < 0 || in_x >= InShape().width) continue;
          const size_t weight =
              ((size_t{1} * channel * in_per_group + c) * conv.kernel_height + ky) *
                  conv.kernel_width +
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

std::vector<float> RandomValues(size_t count, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = static_cast<float>(generator() >> 40) / static_cast<float>(1 << 23) - 1.0f;
  }
  return values;
}

}  // namespace siskin::testing
