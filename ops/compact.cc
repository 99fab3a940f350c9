#include "ops/compact.h"

#include <numeric>
#include <utility>

namespace siskin::ops {
namespace {

// Keeps the parameters that `nodes` use, in order of first use, and renumbers them.
std::vector<Parameter> KeepUsedParameters(const std::vector<Parameter>& parameters,
                                          std::vector<Node>& nodes) {
  std::vector<Parameter> kept;
  std::vector<ParameterId> new_id(parameters.size(), kNoParameter);
  const auto keep = [&](ParameterId& id) {
    if (id == kNoParameter) return;
    if (new_id[id] == kNoParameter) {
      new_id[id] = static_cast<ParameterId>(kept.size());
      kept.push_back(parameters[id]);
    }
    id = new_id[id];
  };
  for (Node& node : nodes) {
    if (auto* conv = std::get_if<Convolution>(&node.op)) {
      keep(conv->weight);
      keep(conv->bias);
    } else if (auto* norm = std::get_if<BatchNorm>(&node.op)) {
      for (ParameterId* id : {&norm->gamma, &norm->beta, &norm->mean, &norm->variance}) keep(*id);
    } else if (auto* linear = std::get_if<Linear>(&node.op)) {
      keep(linear->weight);
      keep(linear->bias);
    }
  }
  return kept;
}

}  // namespace

Graph Compact(const Graph& graph, const std::vector<ValueId>& replacement) {
  Graph result;
  result.name = graph.name;
  std::vector<ValueId> new_id(graph.nodes.size(), -1);
  const auto resolve = [&](ValueId id) {
    while (replacement[id] != id) id = replacement[id];
    return new_id[id];
  };
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (replacement[i] != static_cast<ValueId>(i)) continue;
    Node node = graph.nodes[i];
    for (ValueId& input : node.inputs) input = resolve(input);
    new_id[i] = static_cast<ValueId>(result.nodes.size());
    result.nodes.push_back(std::move(node));
  }
  result.parameters = KeepUsedParameters(graph.parameters, result.nodes);
  return result;
}

std::vector<ValueId> IdentityReplacement(const Graph& graph) {
  std::vector<ValueId> ids(graph.nodes.size());
  std::iota(ids.begin(), ids.end(), 0);
  return ids;
}

}  // namespace siskin::ops
