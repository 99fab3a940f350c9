#include "server/cli/local/simulation_answer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "server/cli/console.h"

namespace siskin::cli {
namespace {

using Json = nlohmann::ordered_json;
using simulation::FleetOptions;
using simulation::kNever;
using simulation::NamedModel;
using simulation::Nanoseconds;
using simulation::ObjectiveResult;
using simulation::Report;

const char* QuestionText(Question question) {
  switch (question) {
    case Question::kWhatIf:
      return "what if";
    case Question::kLargestRate:
      return "largest rate";
    case Question::kFewestReplicas:
      return "fewest replicas";
  }
  return "";
}

double Milliseconds(Nanoseconds time) { return static_cast<double>(time) * 1e-6; }

std::string TimeText(Nanoseconds time) {
  return time == kNever ? "never" : absl::StrFormat("%.2f ms", Milliseconds(time));
}

std::string PercentText(double part) { return absl::StrFormat("%.2f %%", 100 * part); }

std::string CostsText(const NamedModel& model) {
  std::vector<std::string> costs;
  for (const batching::BatchCost& cost : model.served.truth.Costs()) {
    costs.push_back(
        absl::StrFormat("%d: %.2f ms", cost.batch_size, absl::ToDoubleMilliseconds(cost.cost)));
  }
  return absl::StrJoin(costs, ", ");
}

std::string FleetText(const SimulationAnswer& answer) {
  const FleetOptions& fleet = answer.fleet;
  const Report& report = answer.report;
  std::string text =
      fleet.scaling.has_value()
          ? absl::StrFormat("%.2f replicas on average, up to %d,", report.mean_replicas,
                            report.most_replicas)
          : absl::StrCat(fleet.replicas, fleet.replicas == 1 ? " replica" : " replicas");
  absl::StrAppend(&text, " of ", fleet.lanes, fleet.lanes == 1 ? " lane" : " lanes");
  if (report.most_replicas > 1) absl::StrAppend(&text, ", ", answer.balancing);
  if (fleet.zones > 1) absl::StrAppend(&text, ", ", fleet.zones, " zones");
  return text;
}

std::string RejectedText(const Report& report) {
  std::vector<std::string> reasons;
  for (const Rejection reason : kAllRejections) {
    const int64_t count = report.rejected[static_cast<size_t>(reason)];
    if (count > 0) reasons.push_back(absl::StrCat(count, " ", ToString(reason)));
  }
  return reasons.empty() ? "none" : absl::StrJoin(reasons, ", ");
}

std::string ObjectiveText(const ObjectiveResult& result) {
  return absl::StrCat(result.met() ? "met" : "NOT met", ": ", PercentText(result.within),
                      " within ", TimeText(result.objective.limit), ", ", result.objective.name,
                      " of all is ", TimeText(result.value));
}

Json ObjectiveJson(const ObjectiveResult& result) {
  Json json = {{"name", result.objective.name},
               {"limit_ms", Milliseconds(result.objective.limit)},
               {"value_ms", nullptr},
               {"within", result.within},
               {"met", result.met()}};
  if (result.value != kNever) json["value_ms"] = Milliseconds(result.value);
  return json;
}

Json FleetJson(const SimulationAnswer& answer) {
  const FleetOptions& fleet = answer.fleet;
  return {{"replicas", fleet.replicas},
          {"mean_replicas", answer.report.mean_replicas},
          {"most_replicas", answer.report.most_replicas},
          {"lanes", fleet.lanes},
          {"zones", fleet.zones},
          {"balancing", answer.balancing},
          {"overhead_ms", Milliseconds(fleet.overhead)},
          {"prepare_ms", Milliseconds(fleet.prepare)}};
}

}  // namespace

void PrintTable(const SimulationAnswer& answer, std::ostream& out) {
  const Report& report = answer.report;
  Table table({{"figure"}, {"value"}});
  for (const NamedModel& model : answer.models) {
    table.AddRow({Printable(model.name), absl::StrCat("a batch takes ", CostsText(model))});
  }
  table.AddRow({"fleet", FleetText(answer)});
  if (answer.question != Question::kWhatIf) {
    table.AddRow(
        {QuestionText(answer.question), answer.question == Question::kFewestReplicas
                                            ? absl::StrCat(answer.fleet.replicas)
                                            : absl::StrFormat("%.1f requests/s", *answer.rate)});
  }
  table.AddRow({"offered", absl::StrFormat("%.1f requests/s, %d in %.1f s", report.offered_rate(),
                                           report.requests, report.seconds)});
  table.AddRow({"in time", absl::StrFormat("%.1f requests/s, %.2f %%", report.goodput(),
                                           100.0 * static_cast<double>(report.in_time) /
                                               static_cast<double>(report.requests))});
  table.AddRow({"refused", RejectedText(report)});
  table.AddRow({"late", absl::StrCat(report.late)});
  table.AddRow(
      {"latency", absl::StrCat("p50 ", TimeText(report.p50), ", p90 ", TimeText(report.p90),
                               ", p99 ", TimeText(report.p99), ", p99.9 ", TimeText(report.p999))});
  table.AddRow({"lanes", absl::StrCat(PercentText(report.utilization), " busy")});
  table.AddRow({"batch", absl::StrFormat("%.2f images on average", report.mean_batch)});
  if (answer.price.has_value()) {
    table.AddRow({"cost", absl::StrFormat("%.4g for a million answers",
                                          report.CostOfMillion(*answer.price))});
  }
  for (const ObjectiveResult& result : report.objectives) {
    table.AddRow({absl::StrCat(result.objective.name, "=",
                               absl::FormatDuration(absl::Nanoseconds(result.objective.limit))),
                  ObjectiveText(result)});
  }
  table.Print(out);
}

void PrintJson(const SimulationAnswer& answer, std::ostream& out) {
  const Report& report = answer.report;
  Json rejected = Json::object();
  for (const Rejection reason : kAllRejections) {
    const int64_t count = report.rejected[static_cast<size_t>(reason)];
    if (count > 0) rejected[ToString(reason)] = count;
  }
  Json models = Json::array();
  for (const NamedModel& model : answer.models) models.push_back(model.name);
  Json objectives = Json::array();
  for (const ObjectiveResult& result : report.objectives) {
    objectives.push_back(ObjectiveJson(result));
  }
  Json document = {{"models", std::move(models)},
                   {"fleet", FleetJson(answer)},
                   {"question", QuestionText(answer.question)},
                   {"requests", report.requests},
                   {"seconds", report.seconds},
                   {"offered_per_second", report.offered_rate()},
                   {"in_time_per_second", report.goodput()},
                   {"in_time", report.in_time},
                   {"late", report.late},
                   {"refused", std::move(rejected)},
                   {"latency_ms",
                    {{"p50", Milliseconds(report.p50)},
                     {"p90", Milliseconds(report.p90)},
                     {"p99", Milliseconds(report.p99)},
                     {"p99.9", Milliseconds(report.p999)}}},
                   {"utilization", report.utilization},
                   {"mean_batch", report.mean_batch},
                   {"machine_seconds", report.machine_seconds},
                   {"slo", std::move(objectives)},
                   {"met", report.met()}};
  if (answer.rate.has_value()) document["rate"] = *answer.rate;
  if (answer.price.has_value() && report.in_time > 0) {
    document["cost_of_million"] = report.CostOfMillion(*answer.price);
  }
  WriteJson(document, out);
}

}  // namespace siskin::cli
