// What can be said about a network without running it: as a whole, layer by layer, compiled.
#ifndef SISKIN_SERVER_CLI_LOCAL_MODEL_FACTS_H_
#define SISKIN_SERVER_CLI_LOCAL_MODEL_FACTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/input_contract.h"
#include "models/model_loader.h"
#include "models/model_spec.h"
#include "nlohmann/json_fwd.hpp"
#include "ops/graph.h"
#include "ops/plan.h"

namespace siskin::cli {

// What every list says about a network.
struct NetworkFacts {
  std::string architecture;
  std::string variant;  // the published one it is; "width 0.3, 96 px" if it is none
  std::string key_style;
  std::string input;  // "3x224x224"
  int64_t parameters = 0;
  int64_t multiply_adds = 0;
  int64_t weight_bytes = 0;  // as float32
};

NetworkFacts FactsOf(const models::BoundModel& model);
absl::StatusOr<NetworkFacts> FactsOf(const models::ModelSpec& spec, const models::Variant& variant);
nlohmann::ordered_json ToJson(const NetworkFacts& facts);

// "short side, then crop (256 px), bicubic, RGB"
std::string DescribePreprocessing(const models::InputContract& input);

struct LayerFacts {
  std::string name;
  std::string op;      // "conv 3x3 s2", "relu6"
  std::string output;  // "32x112x112"
  int64_t parameters = 0;
  int64_t multiply_adds = 0;
};

// A row a node, in execution order, without input and output.
std::vector<LayerFacts> DescribeLayers(const ops::Graph& graph);

// `graph` compiled for one batch size.
struct PlanFacts {
  int batch_size = 0;
  int64_t packed_bytes = 0;  // weights as the primitives want them; shared by all lanes and plans
  int64_t arena_bytes = 0;   // activations and scratch space, for each lane
  std::vector<ops::Plan::StepInfo> steps;
};

absl::StatusOr<PlanFacts> DescribePlan(const ops::Graph& graph, int batch_size);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_LOCAL_MODEL_FACTS_H_
