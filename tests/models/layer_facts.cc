#include "tests/models/layer_facts.h"

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace siskin::testing {
namespace {

constexpr size_t kKey = 0, kOp = 1, kOutput = 14, kMacs = 15, kColumns = 16;

std::vector<std::vector<std::string>> ReadTsv(const std::string& path) {
  std::vector<std::vector<std::string>> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) rows.push_back(absl::StrSplit(line, '\t'));
  return rows;
}

// "features.3: residual add (no act)  op ... (8, 24, 24)" -> "add 8x24x24". A pool's row has the
// shape of what is pooled.
std::string ShortOp(const std::vector<std::string>& row) {
  const bool add = absl::StrContains(row[kKey], "residual add");
  const std::string shape = absl::StrReplaceAll(row[kOutput], {{"(", ""}, {")", ""}, {", ", "x"}});
  return absl::StrCat(add ? "add " : "global_avgpool ", shape);
}

std::string Square(const ops::Shape& shape) { return absl::StrCat(shape.height, "x", shape.width); }

// "blocks.0.0.conv_dw.weight" -> the same key in the file.
std::string FileKey(const std::string& key, const models::KeyStyle& style) {
  const size_t dot = key.rfind('.');
  return style.LayerName(key.substr(0, dot)) + key.substr(dot);
}

// Reads a graph as Net builds it: convolution, batch norm, perhaps activation.
class Table {
 public:
  Table(const ops::Graph& graph, const models::KeyStyle& style) : graph_(graph), style_(style) {}

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
    if (const auto* linear = std::get_if<ops::Linear>(&node.op)) return LinearLine(node, *linear);
    if (std::holds_alternative<ops::Add>(node.op)) {
      return absl::StrCat("add ", node.shape.ToString());
    }
    if (std::holds_alternative<ops::GlobalAvgPool>(node.op)) {
      return absl::StrCat("global_avgpool ", graph_.nodes[node.inputs[0]].shape.ToString());
    }
    return "";
  }

  std::string ConvLine(size_t i, const ops::Convolution& conv) const {
    const ops::Node& node = graph_.nodes[i];
    const ops::Shape in = graph_.nodes[node.inputs[0]].shape;
    const ops::Node& norm = graph_.nodes.at(i + 1);
    const ops::Node& next = graph_.nodes.at(i + 2);
    const auto* activation = std::get_if<ops::Activation>(&next.op);
    const bool depthwise = conv.groups > 1 && conv.groups == in.channels;
    return absl::StrJoin(
        std::vector<std::string>{
            style_.LayerName(node.name), depthwise ? "dwconv" : "conv", absl::StrCat(in.channels),
            absl::StrCat(node.shape.channels), conv.kernel.ToString(), absl::StrCat(conv.stride),
            absl::StrFormat("%d,%d/%d,%d", conv.padding.top, conv.padding.bottom, conv.padding.left,
                            conv.padding.right),
            conv.dilation.ToString(), absl::StrCat(conv.groups),
            conv.bias == ops::kNoParameter ? "0" : "1", style_.LayerName(norm.name),
            absl::StrFormat("%g", std::get<ops::BatchNorm>(norm.op).epsilon),
            activation == nullptr ? "linear" : ops::ToString(activation->kind), Square(in),
            Square(node.shape), absl::StrCat(graph_.MultiplyAdds(node))},
        "\t");
  }

  std::string LinearLine(const ops::Node& node, const ops::Linear& linear) const {
    const ops::Shape in = graph_.nodes[node.inputs[0]].shape;
    return absl::StrJoin(
        std::vector<std::string>{style_.LayerName(node.name), "linear", absl::StrCat(in.channels),
                                 absl::StrCat(node.shape.channels), "-", "-", "-", "-", "1",
                                 linear.bias == ops::kNoParameter ? "0" : "1", "-", "-", "linear",
                                 Square(in), Square(node.shape),
                                 absl::StrCat(graph_.MultiplyAdds(node))},
        "\t");
  }

  const ops::Graph& graph_;
  const models::KeyStyle& style_;
};

}  // namespace

LayerFacts ReadFacts(const std::string& stem) {
  LayerFacts facts;
  auto rows = ReadTsv(stem + ".layers.tsv");
  for (size_t i = 1; i < rows.size(); ++i) {  // row 0 is the header
    rows[i].resize(kColumns);
    facts.layers.push_back(rows[i][kOp] == "op" ? ShortOp(rows[i]) : absl::StrJoin(rows[i], "\t"));
    int64_t macs = 0;
    if (absl::SimpleAtoi(rows[i][kMacs], &macs)) facts.multiply_adds += macs;
  }
  for (const auto& row : ReadTsv(stem + ".keys.tsv")) {
    if (absl::EndsWith(row.at(0), "num_batches_tracked")) continue;
    facts.keys[row.at(0)] = row.at(1);
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

LayerFacts FactsOf(const ops::Graph& graph, const models::KeyStyle& style) {
  LayerFacts facts;
  facts.layers = Table(graph, style).Lines();
  for (const ops::Parameter& parameter : graph.parameters) {
    facts.keys[FileKey(parameter.key, style)] =
        absl::StrCat("[", absl::StrJoin(parameter.shape, ", "), "]");
  }
  facts.trainable = graph.ParameterCount();
  facts.multiply_adds = graph.MultiplyAdds();
  return facts;
}

}  // namespace siskin::testing
