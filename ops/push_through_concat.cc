// PushThroughConcat: see ops/rewrite.h.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "ops/rewrite.h"

namespace siskin::ops {
namespace {

// Elements [first, first + count) of a parameter with one element a channel.
ParameterId SliceOf(Graph& graph, ParameterId id, int first, int count) {
  const Parameter& whole = graph.parameters[id];
  Parameter slice = {.key = absl::StrCat(whole.key, "[", first, "]"),
                     .shape = {count},
                     .data = whole.data.Slice(first, count)};
  graph.parameters.push_back(std::move(slice));
  return static_cast<ParameterId>(graph.parameters.size()) - 1;
}

// `op`, which acts on a whole concatenation, for its channels [first, first + count) alone.
Op ForChannels(Graph& graph, const Op& op, int first, int count) {
  const auto* norm = std::get_if<BatchNorm>(&op);
  if (norm == nullptr) return op;
  BatchNorm sliced = *norm;
  for (ParameterId* id : {&sliced.gamma, &sliced.beta, &sliced.mean, &sliced.variance}) {
    *id = SliceOf(graph, *id, first, count);
  }
  return sliced;
}

class Pusher {
 public:
  explicit Pusher(const Graph& graph) : graph_(graph), new_id_(graph.nodes.size(), -1) {
    result_.name = graph.name;
    result_.parameters = graph.parameters;
  }

  Graph Run() && {
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (new_id_[i] >= 0) continue;  // pushed with its concatenation
      const Node& node = graph_.nodes[i];
      if (std::holds_alternative<Concat>(node.op)) {
        PushInto(static_cast<int>(i));
      } else {
        new_id_[i] = Append(node, NewIds(node.inputs));
      }
    }
    return std::move(result_);
  }

 private:
  ValueId Append(Node node, std::vector<ValueId> inputs) {
    node.inputs = std::move(inputs);
    result_.nodes.push_back(std::move(node));
    return static_cast<ValueId>(result_.nodes.size()) - 1;
  }

  std::vector<ValueId> NewIds(const std::vector<ValueId>& ids) const {
    std::vector<ValueId> result(ids.size());
    std::transform(ids.begin(), ids.end(), result.begin(),
                   [this](ValueId id) { return new_id_[id]; });
    return result;
  }

  // A batch norm merges with convolutions alone.
  bool AllConvolutions(const Node& concat) const {
    return std::all_of(concat.inputs.begin(), concat.inputs.end(), [this](ValueId id) {
      return std::holds_alternative<Convolution>(graph_.nodes[id].op) &&
             graph_.Consumers(id).size() == 1;
    });
  }

  // The nodes behind the concatenation that can be pushed, in order.
  std::vector<int> Pushable(int concat) const {
    std::vector<int> chain;
    for (int last = concat;;) {
      const std::vector<int> readers = graph_.Consumers(last);
      if (readers.size() != 1) return chain;
      last = readers[0];
      const Op& op = graph_.nodes[last].op;
      const bool pushable =
          std::holds_alternative<Activation>(op) ||
          (std::holds_alternative<BatchNorm>(op) && AllConvolutions(graph_.nodes[concat]));
      if (!pushable) return chain;
      chain.push_back(last);
    }
  }

  void PushInto(int concat) {
    const std::vector<int> chain = Pushable(concat);
    std::vector<ValueId> operands;
    int first = 0;
    for (ValueId input : graph_.nodes[concat].inputs) {
      const Shape& shape = graph_.nodes[input].shape;
      ValueId operand = new_id_[input];
      for (int id : chain) {
        Node node = graph_.nodes[id];
        node.name = absl::StrCat(node.name, "[", first, "]");
        node.op = ForChannels(result_, node.op, first, shape.channels);
        node.shape = shape;
        operand = Append(std::move(node), {operand});
      }
      operands.push_back(operand);
      first += shape.channels;
    }
    new_id_[concat] = Append(graph_.nodes[concat], std::move(operands));
    for (int id : chain) new_id_[id] = new_id_[concat];
  }

  const Graph& graph_;
  Graph result_;
  std::vector<ValueId> new_id_;
};

}  // namespace

Graph PushThroughConcat(const Graph& graph) { return Pusher(graph).Run(); }

}  // namespace siskin::ops
