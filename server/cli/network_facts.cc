#include "server/cli/network_facts.h"

#include "base/status_macros.h"
#include "server/cli/model_facts.h"

namespace siskin::cli {

NetworkFacts FactsOf(const models::BoundModel& model) {
  return {.architecture = model.spec->architecture,
          .variant = DescribeVariant(model),
          .key_style = model.key_style,
          .input = model.graph.input_shape().ToString(),
          .parameters = model.graph.ParameterCount(),
          .multiply_adds = model.graph.MultiplyAdds(),
          .weight_bytes = WeightBytes(model.graph)};
}

absl::StatusOr<NetworkFacts> FactsOf(const models::ModelSpec& spec,
                                     const models::Variant& variant) {
  const models::KeyStyle& style = *spec.FindKeyStyle(variant.key_style);
  SISKIN_ASSIGN_OR_RETURN(const ops::Graph graph, spec.Build(OptionsOf(spec, style, variant)));
  return NetworkFacts{.architecture = spec.architecture,
                      .variant = variant.name,
                      .key_style = variant.key_style,
                      .input = graph.input_shape().ToString(),
                      .parameters = graph.ParameterCount(),
                      .multiply_adds = graph.MultiplyAdds(),
                      .weight_bytes = WeightBytes(graph)};
}

Json ToJson(const NetworkFacts& facts) {
  return {{"architecture", facts.architecture}, {"variant", facts.variant},
          {"key_style", facts.key_style},       {"input", facts.input},
          {"parameters", facts.parameters},     {"multiply_adds", facts.multiply_adds},
          {"weight_bytes", facts.weight_bytes}};
}

// Names come from folders, which need not be UTF-8.
void WriteJson(const Json& document, std::ostream& out) {
  out << document.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace siskin::cli
