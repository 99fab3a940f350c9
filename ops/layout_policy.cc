#include "ops/layout_policy.h"

#include <algorithm>

namespace siskin::ops {
namespace {

using Tag = dnnl::memory::format_tag;

constexpr int kBlock = 16;

bool PartsAreBlocks(const Graph& graph, const Node& concat) {
  return std::all_of(concat.inputs.begin(), concat.inputs.end(), [&graph](ValueId part) {
    return graph.nodes[part].shape.channels % kBlock == 0;
  });
}

// True if there are concatenations of images, and all of them are of whole blocks.
bool IsBlockedNetwork(const Graph& graph) {
  bool found = false;
  for (const Node& node : graph.nodes) {
    const bool is_vector = node.shape.height == 1 && node.shape.width == 1;
    if (!std::holds_alternative<Concat>(node.op) || is_vector) continue;
    if (!PartsAreBlocks(graph, node)) return false;
    found = true;
  }
  return found;
}

bool IsGrouped(const Graph& graph, ValueId id) {
  const int groups = std::get<Convolution>(graph.nodes[id].op).groups;
  return groups > 1 && groups != graph.nodes[id].shape.channels;
}

bool StaysInFront(const Graph& graph, const Node& conv, int64_t cache_bytes) {
  const Shape& in = graph.nodes[conv.inputs[0]].shape;
  const int channels = conv.inputs[0] == 0 ? conv.shape.channels : in.channels;
  const int64_t largest = std::max(in.elements(), conv.shape.elements());
  return channels % kBlock == 0 && largest * static_cast<int64_t>(sizeof(float)) > cache_bytes;
}

}  // namespace

LayoutPolicy::LayoutPolicy(const Graph& graph, int64_t cache_bytes)
    : graph_(graph), in_front_(graph.nodes.size(), false) {
  has_blocks_ = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
  if (!has_blocks_) return;
  blocked_network_ = IsBlockedNetwork(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!std::holds_alternative<Convolution>(graph.nodes[i].op)) continue;
    if (!StaysInFront(graph, graph.nodes[i], cache_bytes)) break;
    in_front_[i] = true;
  }
}

std::optional<Tag> LayoutPolicy::ForConvolution(ValueId id) const {
  if (IsGrouped(graph_, id)) return Tag::nhwc;
  if (blocked_network_ || in_front_[id]) return Tag::nChw16c;
  return std::nullopt;
}

Tag LayoutPolicy::ForLinear() const { return has_blocks_ ? Tag::nChw16c : Tag::any; }

Tag LayoutPolicy::ForConcat() const { return blocked_network_ ? Tag::nChw16c : Tag::nhwc; }

}  // namespace siskin::ops
