#include "ops/bind.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "ops/compact.h"

namespace siskin::ops {
namespace {

constexpr size_t kLinesInSummary = 5;

// "blocks.0.0.conv_dw" of "blocks.0.0.conv_dw.weight"; empty without a dot.
std::string LayerOf(const std::string& key) {
  const size_t dot = key.rfind('.');
  return dot == std::string::npos ? "" : key.substr(0, dot);
}

// The key of a graph's parameter in the checkpoint.
std::string FileKey(const std::string& key, const BindOptions& options) {
  const std::string layer = LayerOf(key);
  if (layer.empty() || !options.layer_name) return key;
  return options.layer_name(layer) + key.substr(layer.size());
}

// The convolutions whose batch norm is node `index`: the one before it, or those that are
// concatenated before it. None if another node reads them, too.
std::vector<ValueId> ConvolutionsBefore(const Graph& graph, size_t index) {
  const ValueId before = graph.nodes[index].inputs[0];
  const bool concatenated = std::holds_alternative<Concat>(graph.nodes[before].op);
  if (concatenated && graph.Consumers(before).size() != 1) return {};
  const std::vector<ValueId> producers =
      concatenated ? graph.nodes[before].inputs : std::vector<ValueId>{before};
  const auto qualifies = [&graph](ValueId id) {
    return std::holds_alternative<Convolution>(graph.nodes[id].op) &&
           graph.Consumers(id).size() == 1;
  };
  const bool all = std::all_of(producers.begin(), producers.end(), qualifies);
  return all ? producers : std::vector<ValueId>{};
}

std::string BiasKey(const Graph& graph, const Convolution& conv) {
  return LayerOf(graph.parameters[conv.weight].key) + ".bias";
}

// True if the file has none of the norm's four tensors, and a bias for each convolution.
bool WasFolded(const Graph& graph, const BatchNorm& norm, const std::vector<ValueId>& convolutions,
               const Checkpoint& checkpoint, const BindOptions& options) {
  for (const ParameterId id : {norm.gamma, norm.beta, norm.mean, norm.variance}) {
    if (checkpoint.Contains(FileKey(graph.parameters[id].key, options))) return false;
  }
  const auto has_bias = [&](ValueId id) {
    const auto& conv = std::get<Convolution>(graph.nodes[id].op);
    return checkpoint.Contains(FileKey(BiasKey(graph, conv), options));
  };
  return !convolutions.empty() && std::all_of(convolutions.begin(), convolutions.end(), has_bias);
}

void AddBias(Convolution& conv, Graph& graph) {
  if (conv.bias != kNoParameter) return;
  conv.bias = static_cast<ParameterId>(graph.parameters.size());
  graph.parameters.push_back(
      {.key = BiasKey(graph, conv), .shape = {graph.parameters[conv.weight].shape[0]}, .data = {}});
}

// The graph that the checkpoint describes: without the batch norms that were folded into their
// convolutions when the file was made.
Graph WithoutFoldedBatchNorms(const Graph& graph, const Checkpoint& checkpoint,
                              const BindOptions& options) {
  Graph work = graph;
  std::vector<ValueId> replacement = IdentityReplacement(graph);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto* norm = std::get_if<BatchNorm>(&graph.nodes[i].op);
    if (norm == nullptr) continue;
    const std::vector<ValueId> convolutions = ConvolutionsBefore(graph, i);
    if (!WasFolded(graph, *norm, convolutions, checkpoint, options)) continue;
    for (const ValueId id : convolutions) AddBias(std::get<Convolution>(work.nodes[id].op), work);
    replacement[i] = graph.nodes[i].inputs[0];
  }
  return Compact(work, replacement);
}

// What is left of a shape when extents of 1, which move no element, are dropped.
std::vector<int64_t> WithoutOnes(absl::Span<const int64_t> shape) {
  std::vector<int64_t> extents;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(extents),
               [](int64_t extent) { return extent != 1; });
  return extents;
}

bool SameElements(absl::Span<const int64_t> a, absl::Span<const int64_t> b) {
  return WithoutOnes(a) == WithoutOnes(b);
}

// The parameter's shape in a file with a background row.
std::vector<int64_t> WithBackgroundRow(std::vector<int64_t> shape) {
  ++shape[0];
  return shape;
}

bool HasBackgroundRow(const Parameter& parameter, const TensorEntry& entry) {
  return parameter.may_have_background_row &&
         SameElements(WithBackgroundRow(parameter.shape), entry.shape);
}

bool IsIgnorable(const std::string& key, const BindOptions& options) {
  return std::any_of(options.ignorable_suffixes.begin(), options.ignorable_suffixes.end(),
                     [&key](const std::string& suffix) {
                       return key == suffix || absl::EndsWith(key, absl::StrCat(".", suffix));
                     }) ||
         std::any_of(options.ignorable_prefixes.begin(), options.ignorable_prefixes.end(),
                     [&key](const std::string& prefix) { return absl::StartsWith(key, prefix); });
}

// Compares a graph without folded batch norms.
class Auditor {
 public:
  Auditor(const Checkpoint& checkpoint, const BindOptions& options)
      : checkpoint_(checkpoint), options_(options) {}

  Audit Run(const Graph& graph) {
    for (const Parameter& parameter : graph.parameters) Check(parameter);
    for (const auto& [key, entry] : checkpoint_.tensors()) {
      if (used_by_.contains(key) || IsIgnorable(key, options_)) continue;
      audit_.left_over.push_back(absl::StrCat(key, " ", ShapeToString(entry.shape)));
    }
    return std::move(audit_);
  }

 private:
  void Check(const Parameter& parameter) {
    const std::string key = FileKey(parameter.key, options_);
    const auto found = checkpoint_.tensors().find(key);
    if (found == checkpoint_.tensors().end()) {
      audit_.missing.push_back(absl::StrCat(key, " ", ShapeToString(parameter.shape)));
      return;
    }
    const auto [user, first_use] = used_by_.emplace(key, parameter.key);
    if (!first_use) {
      audit_.missing.push_back(absl::StrCat(parameter.key, " ", ShapeToString(parameter.shape),
                                            " (", key, " is used for ", user->second, ")"));
      return;
    }
    CheckShape(parameter, key, found->second);
  }

  // All parameters of a layer have the background row, or none has.
  void CheckShape(const Parameter& parameter, const std::string& key, const TensorEntry& entry) {
    const bool background =
        has_background_row_.emplace(LayerOf(parameter.key), HasBackgroundRow(parameter, entry))
            .first->second;
    const std::vector<int64_t> expected = background && parameter.may_have_background_row
                                              ? WithBackgroundRow(parameter.shape)
                                              : parameter.shape;
    if (SameElements(expected, entry.shape)) return;
    audit_.mis_shaped.push_back(absl::StrCat(key, ": expected ", ShapeToString(expected),
                                             ", file has ", ShapeToString(entry.shape)));
  }

  const Checkpoint& checkpoint_;
  const BindOptions& options_;
  Audit audit_;
  std::map<std::string, std::string, std::less<>> used_by_;      // file key -> parameter
  std::map<std::string, bool, std::less<>> has_background_row_;  // by canonical layer
};

// All values but the first row, in the same storage.
TensorData DropFirstRow(TensorData data, int64_t elements) {
  auto whole = std::make_shared<const TensorData>(std::move(data));
  return TensorData(whole->values().last(elements), whole);
}

void AppendLines(const char* what, const std::vector<std::string>& lines,
                 std::vector<std::string>* parts) {
  if (lines.empty()) return;
  const auto shown = absl::MakeConstSpan(lines).first(std::min(lines.size(), kLinesInSummary));
  parts->push_back(absl::StrCat(lines.size(), " ", what, " (", absl::StrJoin(shown, "; "),
                                shown.size() < lines.size() ? "; ...)" : ")"));
}

}  // namespace

std::string Audit::Summary() const {
  if (clean()) return "every key is there, with its shape";
  std::vector<std::string> parts;
  AppendLines("missing", missing, &parts);
  AppendLines("left over", left_over, &parts);
  AppendLines("of another shape", mis_shaped, &parts);
  return absl::StrJoin(parts, ", ");
}

Audit AuditCheckpoint(const Graph& graph, const Checkpoint& checkpoint,
                      const BindOptions& options) {
  return Auditor(checkpoint, options).Run(WithoutFoldedBatchNorms(graph, checkpoint, options));
}

absl::StatusOr<Graph> Bind(const Graph& graph, const Checkpoint& checkpoint,
                           const BindOptions& options) {
  Graph bound = WithoutFoldedBatchNorms(graph, checkpoint, options);
  const Audit audit = Auditor(checkpoint, options).Run(bound);
  if (!audit.clean()) {
    return absl::InvalidArgumentError(
        absl::StrCat(checkpoint.name(), " does not fit ", graph.name, ": ", audit.Summary(),
                     ". Is it a checkpoint of this network and width, with this naming of keys?"));
  }
  for (Parameter& parameter : bound.parameters) {
    SISKIN_ASSIGN_OR_RETURN(TensorData data, checkpoint.Read(FileKey(parameter.key, options)));
    const bool background = static_cast<int64_t>(data.values().size()) != parameter.elements();
    parameter.data =
        background ? DropFirstRow(std::move(data), parameter.elements()) : std::move(data);
  }
  return bound;
}

}  // namespace siskin::ops
