// What can be said about a network without running it.
#ifndef SISKIN_SERVER_CLI_MODEL_FACTS_H_
#define SISKIN_SERVER_CLI_MODEL_FACTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/model_loader.h"
#include "ops/graph.h"
#include "ops/plan.h"

namespace siskin::cli {

struct LayerFacts {
  std::string name;
  std::string op;      // "conv 3x3 s2", "relu6"
  std::string output;  // "32x112x112"
  int64_t parameters = 0;
  int64_t multiply_adds = 0;
};

// A row a node, in execution order, without input and output.
std::vector<LayerFacts> DescribeLayers(const ops::Graph& graph);

// The name of the published variant that `model` is; "width 0.3, 96 px" if it is none.
std::string DescribeVariant(const models::BoundModel& model);

// Bytes of the parameters as float32.
int64_t WeightBytes(const ops::Graph& graph);

// `graph` compiled for one batch size.
struct PlanFacts {
  int batch_size = 0;
  int64_t packed_bytes = 0;  // weights as the primitives want them; shared by all lanes and plans
  int64_t arena_bytes = 0;   // activations and scratch space, for each lane
  std::vector<ops::Plan::StepInfo> steps;
};

absl::StatusOr<PlanFacts> DescribePlan(const ops::Graph& graph, int batch_size);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_MODEL_FACTS_H_
