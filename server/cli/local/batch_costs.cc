#include "server/cli/local/batch_costs.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/cpu_budget.h"
#include "base/status_macros.h"
#include "server/cli/local/measurement.h"
#include "server/cli/local/model_selection.h"
#include "server/engine/loaded_model.h"

namespace siskin::cli {
namespace {

using simulation::MeasuredPlan;
using simulation::NamedModel;

absl::StatusOr<NamedModel> MeasureModel(SelectedModel selected, double seconds, int lanes) {
  const CpuBudget budget = DetectCpuBudget();
  const int max_batch_size = selected.queue.limits.max_batch_size;
  SISKIN_ASSIGN_OR_RETURN(
      const auto loaded,
      engine::LoadedModel::Compile(
          std::move(selected.model),
          {.name = selected.name, .version = selected.version, .max_batch_size = max_batch_size}));
  std::vector<MeasuredPlan> truth;
  for (const auto& plan : loaded->plans()) {
    SISKIN_ASSIGN_OR_RETURN(BenchResult result, RunBench(plan, std::min(lanes, budget.lanes()),
                                                         absl::Seconds(seconds), budget.cpus));
    truth.push_back({result.batch, std::move(result.runs)});
  }
  SISKIN_ASSIGN_OR_RETURN(simulation::ServedModel served, simulation::MakeModel(std::move(truth)));
  batching::CostModel costs = std::move(served.queue.costs);
  served.queue = selected.queue;
  served.queue.costs = std::move(costs);
  return NamedModel{selected.name, std::move(served)};
}

absl::StatusOr<std::vector<NamedModel>> ReadCosts(const CostSource& source) {
  SISKIN_ASSIGN_OR_RETURN(const std::string text, ReadFile(source.costs));
  SISKIN_ASSIGN_OR_RETURN(std::vector<NamedModel> models,
                          simulation::ParseCosts(text, source.costs));
  if (source.model.empty()) return models;
  for (NamedModel& model : models) {
    if (model.name == source.model) return std::vector<NamedModel>{std::move(model)};
  }
  const auto name = [](std::string* out, const NamedModel& m) { absl::StrAppend(out, m.name); };
  return absl::NotFoundError(absl::StrCat(source.costs, ": no costs of a model '", source.model,
                                          "', only of ", absl::StrJoin(models, ", ", name)));
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ostringstream text;
  std::ifstream file(path, std::ios::binary);
  if (file && (file.peek() == std::ifstream::traits_type::eof() || text << file.rdbuf())) {
    return std::move(text).str();
  }
  return absl::NotFoundError(absl::StrCat("cannot read ", path));
}

absl::StatusOr<std::vector<NamedModel>> FindCosts(const CostSource& source, int lanes) {
  if (!source.costs.empty()) return ReadCosts(source);
  NamedModel model;
  if (!source.cost.empty()) {
    SISKIN_ASSIGN_OR_RETURN(model.served, simulation::ParseCostList(source.cost));
    model.name = source.model.empty() ? "model" : source.model;
  } else {
    SISKIN_ASSIGN_OR_RETURN(SelectedModel selected,
                            source.random_model.empty()
                                ? SelectModel(source.repository, source.model, source.version)
                                : SelectRandom(source.random_model));
    SISKIN_ASSIGN_OR_RETURN(model, MeasureModel(std::move(selected), source.seconds, lanes));
  }
  return std::vector<NamedModel>{std::move(model)};
}

}  // namespace siskin::cli
