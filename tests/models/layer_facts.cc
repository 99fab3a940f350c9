#include "tests/models/layer_facts.h"

#include <algorithm>
#include <fstream>
#include <initializer_list>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace siskin::testing {
namespace {

// Columns of the tables.
constexpr size_t kKey = 0, kOp = 1, kIn = 2, kKernel = 4, kStride = 5, kGroups = 8, kInSize = 13,
                 kOutput = 14, kMacs = 15, kColumns = 16;

std::vector<std::vector<std::string>> ReadTsv(const std::string& path) {
  std::vector<std::vector<std::string>> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) rows.push_back(absl::StrSplit(line, '\t'));
  return rows;
}

bool ContainsAny(const std::string& text, std::initializer_list<const char*> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&text](const char* part) { return absl::StrContains(text, part); });
}

// A convolution of one pixel is a linear layer, and code bases differ in which of the two they
// write: the row of the first as that of the second.
void UnifyLinear(std::vector<std::string>& row) {
  if (row[kOp] != "conv" || row[kInSize] != "1x1") return;
  row[kOp] = "linear";
  std::fill(row.begin() + kKernel, row.begin() + kGroups, "-");
}

// "features.3: residual add (no act)  op ... (8, 24, 24)" -> "add 8x24x24"; empty for what moves
// channels only or is in the rows of its parts. A global pool's row has the shape of what is
// pooled.
std::string ShortOp(const std::vector<std::string>& row) {
  const std::string& text = row[kKey];
  const std::string shape = absl::StrReplaceAll(row[kOutput], {{"(", ""}, {")", ""}, {", ", "x"}});
  if (ContainsAny(text, {"SE squeeze", "no residual"})) return "";
  if (ContainsAny(text,
                  {"residual add", "add skip", "main + x", "x + ", "convs + ", "out + residual"})) {
    return "add " + shape;
  }
  if (absl::StrContains(text, "concat")) return "concat " + shape;
  if (ContainsAny(text, {"global_avgpool", "avgpool7", "mean([2,3])", "AvgPool2d(7"})) {
    return "global_avgpool " + shape;
  }
  return "";
}

// "maxpool(ceil)" -> "maxpool 64 3x3 2 56x56 28x28".
std::string ShortPool(const std::vector<std::string>& row) {
  return absl::StrJoin(
      std::vector<std::string>{absl::StrReplaceAll(row[kOp], {{"(ceil)", ""}, {"EXCL", "excl"}}),
                               row[kIn], row[kKernel], row[kStride], row[kInSize], row[kOutput]},
      " ");
}

// Linear and 1x1 weights alike.
std::string WithoutLastOnes(const std::string& shape) {
  return absl::StrReplaceAll(shape, {{", 1, 1]", "]"}});
}

// The table of Inception-ResNet-v2 begins its 17x17 blocks with a layer of the second branch.
void PutFirstBranchFirst(std::vector<std::string>& layers) {
  for (size_t i = 0; i + 1 < layers.size(); ++i) {
    if (!absl::StrContains(layers[i], ".branch1.0.conv")) continue;
    if (absl::StrContains(layers[i + 1], ".branch0.conv")) std::swap(layers[i], layers[i + 1]);
  }
}

std::string Square(const ops::Shape& shape) { return absl::StrCat(shape.height, "x", shape.width); }

// "blocks.0.0.conv_dw.weight" -> the same key in the file.
std::string FileKey(const std::string& key, const models::KeyStyle& style) {
  const size_t dot = key.rfind('.');
  return style.LayerName(key.substr(0, dot)) + key.substr(dot);
}

const char* PoolName(ops::PoolKind kind) {
  switch (kind) {
    case ops::PoolKind::kMax:
      return "maxpool";
    case ops::PoolKind::kAverage:
      return "avgpool(incl pad)";
    case ops::PoolKind::kAverageExcludingPadding:
      return "avgpool(excl pad)";
  }
  return "";
}

// Reads a graph as Net builds it: convolution, perhaps batch norm, perhaps activation.
class Table {
 public:
  Table(const ops::Graph& graph, const models::KeyStyle& style, bool with_pools)
      : graph_(graph), style_(style), with_pools_(with_pools) {}

  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (std::string line = Line(i); !line.empty()) lines.push_back(std::move(line));
    }
    return lines;
  }

 private:
  std::string Line(size_t i) const {
    const ops::Node& node = graph_.nodes[i];
    if (const auto* conv = std::get_if<ops::Convolution>(&node.op)) return ConvLine(i, *conv);
    if (const auto* linear = std::get_if<ops::Linear>(&node.op)) return LinearLine(i, linear->bias);
    if (const auto* pool = std::get_if<ops::Pool>(&node.op)) return PoolLine(node, *pool);
    if (std::holds_alternative<ops::Add>(node.op)) {
      return absl::StrCat("add ", node.shape.ToString());
    }
    if (std::holds_alternative<ops::Concat>(node.op) && node.shape.height > 1) {
      return absl::StrCat("concat ", node.shape.ToString());
    }
    if (static_cast<int>(i) == graph_.Features()) {
      return absl::StrCat("global_avgpool ", graph_.nodes[node.inputs[0]].shape.ToString());
    }
    return "";
  }

  // The node behind node `i` that belongs to the same layer, if it is an `Op` of that name.
  template <typename Op>
  const Op* Follower(size_t i, const std::string& name = "") const {
    if (i + 1 >= graph_.nodes.size()) return nullptr;
    const ops::Node& next = graph_.nodes[i + 1];
    if (next.inputs != std::vector<int>{static_cast<int>(i)}) return nullptr;
    return name.empty() || next.name == name ? std::get_if<Op>(&next.op) : nullptr;
  }

  std::string ConvLine(size_t i, const ops::Convolution& conv) const {
    const ops::Node& node = graph_.nodes[i];
    const ops::Shape in = graph_.nodes[node.inputs[0]].shape;
    if (Square(in) == "1x1") return LinearLine(i, conv.bias);  // see UnifyLinear
    const auto* norm = Follower<ops::BatchNorm>(i);
    const size_t last = norm == nullptr ? i : i + 1;
    const auto* activation = Follower<ops::Activation>(last, node.name + ".act");
    const std::string op = conv.groups == 1             ? "conv"
                           : conv.groups == in.channels ? "dwconv"
                                                        : absl::StrCat("gconv", conv.groups);
    const auto& pad = conv.padding;
    return absl::StrJoin(
        std::vector<std::string>{
            style_.LayerName(node.name), op, absl::StrCat(in.channels),
            absl::StrCat(node.shape.channels), conv.kernel.ToString(), absl::StrCat(conv.stride),
            absl::StrFormat("%d,%d/%d,%d", pad.top, pad.bottom, pad.left, pad.right),
            conv.dilation.ToString(), absl::StrCat(conv.groups),
            conv.bias == ops::kNoParameter ? "0" : "1",
            norm == nullptr ? "-" : style_.LayerName(graph_.nodes[i + 1].name),
            norm == nullptr ? "-" : absl::StrFormat("%g", norm->epsilon),
            activation == nullptr ? "linear" : ops::ToString(activation->kind), Square(in),
            Square(node.shape), absl::StrCat(graph_.MultiplyAdds(node))},
        "\t");
  }

  std::string LinearLine(size_t i, ops::ParameterId bias) const {
    const ops::Node& node = graph_.nodes[i];
    const ops::Shape in = graph_.nodes[node.inputs[0]].shape;
    const auto* activation = Follower<ops::Activation>(i, node.name + ".act");
    return absl::StrJoin(
        std::vector<std::string>{style_.LayerName(node.name), "linear", absl::StrCat(in.channels),
                                 absl::StrCat(node.shape.channels), "-", "-", "-", "-", "1",
                                 bias == ops::kNoParameter ? "0" : "1", "-", "-",
                                 activation == nullptr ? "linear" : ops::ToString(activation->kind),
                                 Square(in), Square(node.shape),
                                 absl::StrCat(graph_.MultiplyAdds(node))},
        "\t");
  }

  std::string PoolLine(const ops::Node& node, const ops::Pool& pool) const {
    if (!with_pools_) return "";
    return absl::StrCat(PoolName(pool.kind), " ", node.shape.channels, " ", pool.kernel.ToString(),
                        " ", pool.stride, " ", Square(graph_.nodes[node.inputs[0]].shape), " ",
                        Square(node.shape));
  }

  const ops::Graph& graph_;
  const models::KeyStyle& style_;
  const bool with_pools_;
};

}  // namespace

LayerFacts ReadFacts(const std::string& stem) {
  LayerFacts facts;
  auto rows = ReadTsv(stem + ".layers.tsv");
  for (size_t i = 1; i < rows.size(); ++i) {  // row 0 is the header
    rows[i].resize(kColumns);
    UnifyLinear(rows[i]);
    const bool is_pool = ContainsAny(rows[i][kOp], {"maxpool", "avgpool"});
    std::string line = is_pool                ? ShortPool(rows[i])
                       : rows[i][kOp] == "op" ? ShortOp(rows[i])
                                              : absl::StrJoin(rows[i], "\t");
    facts.has_pools |= is_pool;
    if (!line.empty()) facts.layers.push_back(std::move(line));
    int64_t macs = 0;
    if (absl::SimpleAtoi(rows[i][kMacs], &macs)) facts.multiply_adds += macs;
  }
  PutFirstBranchFirst(facts.layers);
  for (const auto& row : ReadTsv(stem + ".keys.tsv")) {
    if (absl::EndsWith(row.at(0), "num_batches_tracked")) continue;
    facts.keys[row.at(0)] = WithoutLastOnes(row.at(1));
    if (absl::StrContains(row[0], ".running_")) continue;
    int64_t elements = 1;
    for (const auto& extent : absl::StrSplit(row[1], absl::ByAnyChar("[], "), absl::SkipEmpty())) {
      int64_t value = 0;
      if (absl::SimpleAtoi(extent, &value)) elements *= value;
    }
    facts.trainable += elements;
  }
  return facts;
}

LayerFacts FactsOf(const ops::Graph& graph, const models::KeyStyle& style, bool with_pools) {
  LayerFacts facts;
  facts.layers = Table(graph, style, with_pools).Lines();
  for (const ops::Parameter& parameter : graph.parameters) {
    facts.keys[FileKey(parameter.key, style)] =
        WithoutLastOnes(absl::StrCat("[", absl::StrJoin(parameter.shape, ", "), "]"));
  }
  facts.trainable = graph.ParameterCount();
  facts.multiply_adds = graph.MultiplyAdds();
  return facts;
}

}  // namespace siskin::testing
