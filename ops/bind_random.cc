// BindRandom: integer arithmetic and single IEEE operations only, so that values are the same with
// every compiler and library (std::normal_distribution and std::log are not).
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/bind.h"

namespace siskin::ops {
namespace {

// splitmix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Bits() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // Spells the fused multiply-add out: left alone, some compilers fuse and some do not.
  double Uniform(double low, double high) {
    return std::fma(high - low, static_cast<double>(Bits() >> 32) * 0x1p-32, low);
  }

  // Close to normal with mean 0 and variance 1, within +-6: the sum of twelve uniform numbers of 16
  // bits, four from each draw.
  double Normal() {
    int64_t sum = 0;
    for (int draw = 0; draw < 3; ++draw) {
      for (uint64_t bits = Bits(), i = 0; i < 4; ++i, bits >>= 16) sum += bits & 0xffff;
    }
    return static_cast<double>(sum - 6 * 0xffff) * 0x1p-16;
  }

 private:
  uint64_t state_;
};

// FNV-1a: a parameter's values depend on its name, not on its neighbours.
uint64_t Hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
  return hash;
}

enum class Role { kWeight, kOffset, kGamma, kVariance };

// What each parameter is for; an offset is a bias, beta or mean.
std::vector<Role> Roles(const Graph& graph) {
  std::vector<Role> roles(graph.parameters.size(), Role::kOffset);
  for (const Node& node : graph.nodes) {
    if (const auto* conv = std::get_if<Convolution>(&node.op)) {
      roles[conv->weight] = Role::kWeight;
    } else if (const auto* linear = std::get_if<Linear>(&node.op)) {
      roles[linear->weight] = Role::kWeight;
    } else if (const auto* norm = std::get_if<BatchNorm>(&node.op)) {
      roles[norm->gamma] = Role::kGamma;
      roles[norm->variance] = Role::kVariance;
    }
  }
  return roles;
}

double Draw(Random& random, Role role, double weight_scale) {
  switch (role) {
    case Role::kWeight:
      return random.Normal() * weight_scale;
    case Role::kOffset:
      return random.Uniform(-0.1, 0.1);
    case Role::kGamma:
    case Role::kVariance:
      return random.Uniform(0.5, 1.5);
  }
  return 0;
}

}  // namespace

Graph BindRandom(const Graph& graph, uint64_t seed) {
  Graph bound = graph;
  const std::vector<Role> roles = Roles(graph);
  for (size_t i = 0; i < bound.parameters.size(); ++i) {
    Parameter& parameter = bound.parameters[i];
    const int64_t elements = parameter.elements();
    const double fan_in = static_cast<double>(elements) / static_cast<double>(parameter.shape[0]);
    const double he = std::sqrt(2.0 / fan_in);
    Random random(seed ^ Hash(parameter.key));
    std::vector<float> values(elements);
    for (float& value : values) value = static_cast<float>(Draw(random, roles[i], he));
    parameter.data = TensorData(std::move(values));
  }
  return bound;
}

}  // namespace siskin::ops
