// What batches of models cost, as text: measured by `siskin simulate`, told by a server's status
// page, or written by a person.
#ifndef SISKIN_SERVER_SIMULATION_COSTS_H_
#define SISKIN_SERVER_SIMULATION_COSTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/simulation/replica.h"

namespace siskin::simulation {

struct NamedModel {
  std::string name;
  ServedModel served;
};

// A model that is told the medians of `truth`. INVALID_ARGUMENT unless there are sizes from 1 to
// batching::kMaxBatchSize, 1 and no size twice among them, with times above 0, of at most an hour.
// The largest batch is the largest size.
absl::StatusOr<ServedModel> MakeModel(std::vector<MeasuredPlan> truth);

// "1=5.1ms,8=37ms". INVALID_ARGUMENT says what is wrong.
absl::StatusOr<ServedModel> ParseCostList(const std::string& text);

// JSON: {"models": [{"name": "mobilenet_v2",
//                    "costs": [{"batch_size": 1, "ms": 5.1, "runs_ms": [5.0, 5.1, 5.4]}, ...],
//                    "batching": {"max_batch_size": 8, "policy": "fixed", "max_delay_ms": 2,
//                                 "preferred_batch_sizes": [4], "queue_capacity": 256, "weight": 1,
//                                 "in_order": true, "target_delay_ms": 100}}]}
// "ms" is what the scheduler is told; "runs_ms" is what batches take, without it "ms". "batching"
// may be left out, and so may each of its members. Everything else is passed over, models without
// costs included, so that /api/status of a server is such a file. INVALID_ARGUMENT says where the
// text is not like that.
absl::StatusOr<std::vector<NamedModel>> ParseCosts(std::string_view json, const std::string& file);

// Such a file, with at most a thousand runs of each size, evenly spread over those there are.
std::string FormatCosts(absl::Span<const NamedModel> models);

}  // namespace siskin::simulation

#endif  // SISKIN_SERVER_SIMULATION_COSTS_H_
