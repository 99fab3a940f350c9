#include "ops/layout_policy.h"

#include <algorithm>

#include "ops/kernel_policy.h"

namespace siskin::ops {
namespace {

using Tag = dnnl::memory::format_tag;

constexpr int kBlock = 16;

bool OperandsAreBlocks(const Graph& graph, const Node& concat) {
  return std::all_of(concat.inputs.begin(), concat.inputs.end(), [&graph](ValueId operand) {
    return graph.nodes[operand].shape.channels % kBlock == 0;
  });
}

// True if there are concatenations of images, and all of them are of whole blocks.
bool IsBlockedNetwork(const Graph& graph) {
  bool found = false;
  for (const Node& node : graph.nodes) {
    const bool is_vector = node.shape.height == 1 && node.shape.width == 1;
    if (!std::holds_alternative<Concat>(node.op) || is_vector) continue;
    if (!OperandsAreBlocks(graph, node)) return false;
    found = true;
  }
  return found;
}

bool IsGrouped(const Graph& graph, ValueId id) {
  const int groups = std::get<Convolution>(graph.nodes[id].op).groups;
  return groups > 1 && groups != graph.nodes[id].shape.channels;
}

// The channels that a layer of the front reads in vectors. Those of an image are read one by one.
int VectorisedChannels(const Graph& graph, const Node& conv) {
  return conv.inputs[0] == 0 ? conv.shape.channels : graph.nodes[conv.inputs[0]].shape.channels;
}

bool ExceedsCache(const Graph& graph, const Node& conv, int64_t cache_bytes) {
  const int64_t read = graph.nodes[conv.inputs[0]].shape.elements();
  return std::max(read, conv.shape.elements()) * static_cast<int64_t>(sizeof(float)) > cache_bytes;
}

}  // namespace

LayoutPolicy::LayoutPolicy(const Graph& graph, int64_t cache_bytes, const CpuTraits& cpu)
    : graph_(graph), cpu_(cpu), front_(graph.nodes.size()) {
  if (!cpu_.avx512) return;
  blocked_network_ = IsBlockedNetwork(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!std::holds_alternative<Convolution>(node.op)) continue;
    const bool has_blocks = VectorisedChannels(graph, node) % kBlock == 0;
    if (!has_blocks || !ExceedsCache(graph, node, cache_bytes)) break;
    front_[i] = Tag::nChw16c;
  }
}

std::optional<Tag> LayoutPolicy::ForConvolution(ValueId id) const {
  if (IsGrouped(graph_, id)) return Tag::nhwc;
  if (blocked_network_) return Tag::nChw16c;
  if (front_[id].has_value()) return front_[id];
  // An image is read as it is.
  const bool reads_image = graph_.nodes[id].inputs[0] == 0;
  const bool has_faster_kernel = !FasterKernel(WholeOf(graph_, id), cpu_).empty();
  if (has_faster_kernel && !reads_image) return Tag::nhwc;
  return std::nullopt;
}

Tag LayoutPolicy::ForLinear() const { return cpu_.avx512 ? Tag::nChw16c : Tag::any; }

// The concatenations of images in a blocked network are of blocks; those of vectors need not be.
Tag LayoutPolicy::ForConcat(ValueId id) const {
  const bool blocked = blocked_network_ && OperandsAreBlocks(graph_, graph_.nodes[id]);
  return blocked ? Tag::nChw16c : Tag::nhwc;
}

}  // namespace siskin::ops
