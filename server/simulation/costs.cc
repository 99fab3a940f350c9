#include "server/simulation/costs.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "server/batching/queue_json.h"
#include "server/batching/queue_settings.h"

namespace siskin::simulation {
namespace {

using Json = nlohmann::ordered_json;

// More than these say nothing more about a 99.9th percentile.
constexpr size_t kMostRuns = 1000;
constexpr absl::Duration kMostCost = absl::Hours(1);
constexpr double kMostMs = 3'600'000;

absl::Status CheckRun(int batch_size, absl::Duration run) {
  if (run > absl::ZeroDuration() && run <= kMostCost) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a batch of ", batch_size,
                                                 ": expected a time above 0 and up to 1h, got ",
                                                 absl::FormatDuration(run)));
}

absl::Status CheckPlans(const std::vector<MeasuredPlan>& plans) {
  bool single = false;
  for (auto plan = plans.begin(); plan != plans.end(); ++plan) {
    SISKIN_RETURN_IF_ERROR(batching::CheckBatchSize(plan->batch_size));
    single |= plan->batch_size == 1;
    const auto same = [plan](const MeasuredPlan& o) { return o.batch_size == plan->batch_size; };
    if (std::any_of(plans.begin(), plan, same)) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected each batch size once, got ", plan->batch_size, " twice"));
    }
    for (const absl::Duration run : plan->runs) {
      SISKIN_RETURN_IF_ERROR(CheckRun(plan->batch_size, run));
    }
  }
  if (single) return absl::OkStatus();
  return absl::InvalidArgumentError("expected the cost of a batch of 1 among the costs");
}

// Reads a file; the first error is where it is.
class CostsReader {
 public:
  explicit CostsReader(const std::string& file) : file_(file) {}

  absl::StatusOr<std::vector<NamedModel>> Read(std::string_view text) {
    const Json root = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (root.is_discarded()) return Error("it is no JSON");
    const auto models = root.is_object() ? root.find("models") : root.end();
    if (models == root.end() || !models->is_array()) return Error("expected a list 'models'");
    std::vector<NamedModel> read;
    for (const Json& model : *models) {
      if (!model.is_object() || !model.contains("costs")) continue;
      SISKIN_ASSIGN_OR_RETURN(NamedModel named, ReadModel(model));
      read.push_back(std::move(named));
    }
    if (read.empty()) return Error("no model in it has 'costs'");
    return read;
  }

 private:
  absl::Status Error(const std::string& what) const {
    return absl::InvalidArgumentError(absl::StrCat(file_, ": ", where_, what));
  }

  absl::StatusOr<NamedModel> ReadModel(const Json& json) {
    where_ = "";
    const auto name = json.find("name");
    if (name == json.end() || !name->is_string()) return Error("a model has no 'name'");
    NamedModel model{name->get<std::string>(), {}};
    where_ = absl::StrCat("model ", model.name, ": ");
    const Json& costs = json["costs"];
    if (!costs.is_array() || costs.empty()) return Error("expected a list 'costs', not empty");
    std::vector<MeasuredPlan> truth;
    std::vector<batching::BatchCost> told;
    for (const Json& cost : costs) SISKIN_RETURN_IF_ERROR(ReadCost(cost, truth, told));
    absl::StatusOr<ServedModel> made = MakeModel(std::move(truth));
    if (!made.ok()) return Error(std::string(made.status().message()));
    model.served = *std::move(made);
    model.served.queue.costs = batching::CostModel(std::move(told));
    if (json.contains("batching")) {
      SISKIN_RETURN_IF_ERROR(ReadBatching(json["batching"], model.served.queue));
    }
    return model;
  }

  absl::Status ReadCost(const Json& json, std::vector<MeasuredPlan>& truth,
                        std::vector<batching::BatchCost>& told) {
    if (!json.is_object()) return Error("expected an object in 'costs'");
    double size = 0;
    double ms = 0;
    SISKIN_RETURN_IF_ERROR(ReadNumber(json, "batch_size", 1, batching::kMaxBatchSize, size));
    SISKIN_RETURN_IF_ERROR(ReadNumber(json, "ms", 1e-6, kMostMs, ms));
    told.push_back({static_cast<int>(size), absl::Milliseconds(ms)});
    MeasuredPlan plan{static_cast<int>(size), {absl::Milliseconds(ms)}};
    if (json.contains("runs_ms")) {
      const Json& runs = json["runs_ms"];
      if (!runs.is_array() || runs.empty()) return Error("expected a list 'runs_ms', not empty");
      plan.runs.clear();
      for (const Json& run : runs) {
        if (!run.is_number()) return Error("expected numbers in 'runs_ms'");
        plan.runs.push_back(absl::Milliseconds(run.get<double>()));
      }
    }
    truth.push_back(std::move(plan));
    return absl::OkStatus();
  }

  absl::Status ReadBatching(const Json& json, batching::QueueOptions& queue) {
    if (!json.is_object()) return Error("expected an object 'batching'");
    batching::QueueSettings settings;
    std::optional<double> delay_ms;
    std::optional<double> target_ms;
    SISKIN_RETURN_IF_ERROR(
        ReadOptional(json, "max_batch_size", 1, batching::kMaxBatchSize, settings.max_batch_size));
    SISKIN_RETURN_IF_ERROR(ReadOptional(json, "max_delay_ms", 0, kMostMs, delay_ms));
    SISKIN_RETURN_IF_ERROR(ReadOptional(json, "queue_capacity", 1, 1e6, settings.capacity));
    SISKIN_RETURN_IF_ERROR(ReadOptional(json, "weight", 1e-6, 1e6, settings.weight));
    SISKIN_RETURN_IF_ERROR(ReadOptional(json, "target_delay_ms", 0, kMostMs, target_ms));
    SISKIN_RETURN_IF_ERROR(ReadPolicy(json, settings));
    settings.in_order = json.contains("in_order") && json["in_order"] == true;
    if (!settings.max_batch_size.has_value()) {
      settings.max_batch_size = queue.limits.max_batch_size;
    }
    if (delay_ms.has_value()) settings.max_delay = absl::Milliseconds(*delay_ms);
    if (target_ms.has_value()) settings.target_delay = absl::Milliseconds(*target_ms);
    batching::CostModel costs = std::move(queue.costs);
    queue = batching::Resolve(settings, {});
    queue.costs = std::move(costs);
    const absl::Status right = batching::CheckOptions(queue);
    return right.ok() ? right : Error(std::string(right.message()));
  }

  absl::Status ReadPolicy(const Json& json, batching::QueueSettings& settings) const {
    if (const auto policy = json.find("policy"); policy != json.end()) {
      const bool fixed = *policy == ToString(batching::BatchPolicy::kFixed);
      if (!fixed && *policy != ToString(batching::BatchPolicy::kAuto)) {
        return Error(absl::StrCat("expected 'policy' auto or fixed, got ", JsonText(*policy)));
      }
      settings.policy = fixed ? batching::BatchPolicy::kFixed : batching::BatchPolicy::kAuto;
    }
    const auto sizes = json.find("preferred_batch_sizes");
    if (sizes == json.end()) return absl::OkStatus();
    if (!sizes->is_array()) return Error("expected a list 'preferred_batch_sizes'");
    for (const Json& size : *sizes) {
      if (!size.is_number_integer()) return Error("expected numbers in 'preferred_batch_sizes'");
      settings.preferred_batch_sizes.push_back(size.get<int>());
    }
    return absl::OkStatus();
  }

  template <typename Number>
  absl::Status ReadOptional(const Json& json, const char* key, double least, double most,
                            std::optional<Number>& value) const {
    if (!json.contains(key)) return absl::OkStatus();
    double number = 0;
    SISKIN_RETURN_IF_ERROR(ReadNumber(json, key, least, most, number));
    value = static_cast<Number>(number);
    return absl::OkStatus();
  }

  absl::Status ReadNumber(const Json& json, const char* key, double least, double most,
                          double& value) const {
    const auto found = json.find(key);
    if (found != json.end() && found->is_number()) {
      value = found->get<double>();
      if (value >= least && value <= most) return absl::OkStatus();
    }
    return Error(absl::StrCat("expected '", key, "' from ", least, " to ", most, ", got ",
                              found == json.end() ? "nothing" : JsonText(*found)));
  }

  const std::string& file_;
  std::string where_;
};

// `sorted`, or kMostRuns of them, evenly spread.
std::vector<absl::Duration> Thinned(const std::vector<absl::Duration>& sorted) {
  if (sorted.size() <= kMostRuns) return sorted;
  std::vector<absl::Duration> kept;
  for (size_t i = 0; i < kMostRuns; ++i) {
    kept.push_back(sorted[(2 * i + 1) * sorted.size() / (2 * kMostRuns)]);
  }
  return kept;
}

// To a tenth of a microsecond: what a clock is worth.
double Milliseconds(absl::Duration time) {
  return std::round(absl::ToDoubleMilliseconds(time) * 1e4) / 1e4;
}

Json CostsOf(const ServedModel& served) {
  Json costs = Json::array();
  for (const MeasuredPlan& plan : served.truth.plans()) {
    Json runs = Json::array();
    for (const absl::Duration run : Thinned(plan.runs)) runs.push_back(Milliseconds(run));
    costs.push_back({{"batch_size", plan.batch_size},
                     {"ms", Milliseconds(served.queue.costs.Cost(plan.batch_size))},
                     {"runs_ms", std::move(runs)}});
  }
  return costs;
}

// As /api/status of a server has it.
}  // namespace

absl::StatusOr<ServedModel> MakeModel(std::vector<MeasuredPlan> truth) {
  SISKIN_RETURN_IF_ERROR(CheckPlans(truth));
  ServedModel model;
  model.truth = BatchTimes(std::move(truth));
  model.queue.costs = batching::CostModel(model.truth.Costs());
  model.queue.limits.max_batch_size = model.truth.plans().back().batch_size;
  return model;
}

absl::StatusOr<ServedModel> ParseCostList(const std::string& text) {
  std::vector<MeasuredPlan> truth;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<std::string, std::string> cost = absl::StrSplit(part, absl::MaxSplits('=', 1));
    int size = 0;
    absl::Duration took;
    if (!absl::SimpleAtoi(cost.first, &size) || !absl::ParseDuration(cost.second, &took)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "expected batch sizes and what a batch takes, as 1=5.1ms,8=37ms, got '", part, "'"));
    }
    truth.push_back({size, {took}});
  }
  return MakeModel(std::move(truth));
}

absl::StatusOr<std::vector<NamedModel>> ParseCosts(std::string_view json, const std::string& file) {
  return CostsReader(file).Read(json);
}

std::string FormatCosts(absl::Span<const NamedModel> models) {
  Json list = Json::array();
  for (const NamedModel& model : models) {
    list.push_back({{"name", model.name},
                    {"costs", CostsOf(model.served)},
                    {"batching", batching::ToJson(model.served.queue)}});
  }
  return JsonText({{"models", std::move(list)}}) + "\n";
}

}  // namespace siskin::simulation
