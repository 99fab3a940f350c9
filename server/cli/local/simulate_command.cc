#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/cpu_budget.h"
#include "server/cli/command_line.h"
#include "server/cli/commands.h"
#include "server/cli/local/batch_costs.h"
#include "server/cli/local/simulation_answer.h"
#include "server/cli/local/simulator.h"
#include "server/simulation/requests.h"

namespace siskin::cli {
namespace {

constexpr CommandLine::Info kSimulate = {
    .name = "simulate",
    .description = "Answer questions of capacity: the scheduler in virtual time",
    .footer =
        R"(Runs the server's scheduler with measured batch times in virtual time, one server or many.
Without --rate and --trace it finds the largest rate that meets the objectives (--slo); with
them, and without --replicas, the fewest replicas. An objective is met if that part of all
requests is answered within its time: refused and late ones are not. Exit code 1: not met.

Batch times are measured here (--repository, --random-model; without both, of the built-in
model), read (--costs: what --save-costs wrote, or /api/status of a server), or given (--cost).
docs/capacity.md says what is simulated and what is not.

Examples:
  siskin simulate --repository ~/models --model mobilenet_v2 --slo p99=25ms
  siskin simulate --repository ~/models --save-costs costs.json --rate 50
  siskin simulate --costs costs.json --lanes 2 --rate 1000 --deadline 100ms --slo p99=25ms
  siskin simulate --costs costs.json --trace day.csv --replicas 12 --zones 3 --slo p99.9=80ms
  siskin simulate --cost 1=5.1ms,8=37ms --lanes 4 --trace day.csv --scale-max 20 --scale-lag 90s
)",
};

std::string CheckObjective(const std::string& text) {
  const auto objective = simulation::ParseObjective(text);
  return objective.ok() ? "" : std::string(objective.status().message());
}

// What no single flag can tell; empty: nothing is wrong.
std::string CheckFlags(const SimulateFlags& flags) {
  if (!HasLoad(flags)) {
    if (flags.scale_max.has_value()) return "--scale-max needs a load: --rate or --trace";
    if (flags.objectives.empty() && flags.save_costs.empty()) {
      return "expected a load, --rate or --trace, or an objective for which one is to be found, "
             "as --slo p99=25ms";
    }
  }
  if (flags.scale_max.has_value()) {
    if (flags.scale_min > *flags.scale_max) return "--scale-min is more than --scale-max";
    if (flags.trace.empty() && flags.length == absl::ZeroDuration()) {
      return "--scale-max needs a load that lasts: --trace, or --duration beside --rate";
    }
  }
  if (flags.replicas.value_or(kMostReplicas) < flags.zones) {
    return absl::StrCat("expected at least a replica for each of ", flags.zones, " zones, got ",
                        *flags.replicas);
  }
  return "";
}

absl::Status SaveCosts(const std::string& path, const std::vector<simulation::NamedModel>& models) {
  std::ofstream file(path, std::ios::binary);
  file << simulation::FormatCosts(models) << std::flush;
  if (file) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("cannot write ", path));
}

int Simulate(const SimulateFlags& flags, const Console& console) {
  if (const std::string error = CheckFlags(flags); !error.empty()) {
    return Fail(console, error, kExitUsage);
  }
  auto models = FindCosts(flags.source, flags.lanes.value_or(DetectCpuBudget().lanes()));
  if (!models.ok()) return Fail(console, models.status());
  if (!flags.save_costs.empty()) {
    const absl::Status saved = SaveCosts(flags.save_costs, *models);
    if (!saved.ok()) return Fail(console, saved);
    if (!HasLoad(flags) && flags.objectives.empty()) return kExitOk;
  }
  const auto answer = AnswerQuestion(flags, *std::move(models));
  if (!answer.ok()) return Fail(console, answer.status());
  if (flags.json) {
    PrintJson(*answer, console.out);
  } else {
    PrintTable(*answer, console.out);
  }
  return answer->report.met() ? kExitOk : kExitFailed;
}

void AddCostFlags(Flags& flags, SimulateFlags& values) {
  CostSource& source = values.source;
  flags.Add("--repository", source.repository, "Folder of models (default: the built-in one)")
      .ValueName("DIR")
      .Env("SISKIN_REPOSITORY");
  flags.Add("--model", source.model, "Model of the repository or the file, if there are several")
      .ValueName("NAME");
  flags.Add("--version", source.version, "Version of the model (default: the highest)")
      .ValueName("N");
  flags
      .Add("--random-model", source.random_model,
           "Instead of a repository: an architecture or variant with random weights")
      .ValueName("NAME");
  const Flag costs =
      flags.Add("--costs", source.costs, "Instead of measuring: JSON with what batches cost")
          .ValueName("FILE");
  flags
      .Add("--cost", source.cost,
           "Instead of measuring: batch sizes and their times, as 1=5ms,8=37ms")
      .ValueName("N=TIME,...")
      .Excludes(costs)
      .Check([](const std::string& text) {
        const auto model = simulation::ParseCostList(text);
        return model.ok() ? "" : std::string(model.status().message());
      });
  flags.Add("--measure", source.seconds, "How long each batch size is measured for")
      .ValueName("SECONDS")
      .Seconds(0.001, 600)
      .ShowDefault();
  flags.Add("--save-costs", values.save_costs, "Write the costs, for --costs").ValueName("FILE");
}

void AddLoadFlags(Flags& flags, SimulateFlags& values) {
  const Flag trace =
      flags.Add("--trace", values.trace, "Requests, as CSV: seconds[,model][,images]")
          .ValueName("FILE");
  flags.Add("--rate", values.rate, "Requests a second, at random times (Poisson)")
      .ValueName("N")
      .Range(1e-6, 1e7)
      .Excludes(trace);
  flags.Add("--burst", values.burst, "They come in groups of N on average, all at once")
      .ValueName("N")
      .Range(1.0, 1e4)
      .ShowDefault()
      .Excludes(trace);
  flags.Add("--images", values.images, "Images of each request")
      .ValueName("N")
      .Range(1, simulation::kMostImages)
      .ShowDefault()
      .Excludes(trace);
  const Flag requests = flags.Add("--requests", values.requests, "How many there are")
                            .ValueName("N")
                            .Range(1, kMostRequests - 1)
                            .ShowDefault()
                            .Excludes(trace);
  flags.Add("--duration", values.length, "How long they come, instead of how many")
      .ValueName("TIME")
      .Range(absl::Milliseconds(1), absl::Hours(24 * 31))
      .Excludes(trace)
      .Excludes(requests);
  flags.Add("--deadline", values.deadline, "Of each request (default: none)")
      .ValueName("TIME")
      .Range(absl::Microseconds(1), absl::Hours(1));
  flags.Add("--seed", values.seed, "Of all that is random")
      .ValueName("N")
      .Range(0, std::numeric_limits<int>::max())
      .ShowDefault();
}

void AddFleetFlags(Flags& flags, SimulateFlags& values) {
  const Flag replicas =
      flags
          .Add("--replicas", values.replicas, "Servers (default: 1, or the fewest that meet --slo)")
          .ValueName("N")
          .Range(1, kMostReplicas);
  flags.Add("--lanes", values.lanes, "Of each server (default: one for each usable core here)")
      .ValueName("N")
      .Range(1, 1024);
  flags
      .Add("--zones", values.zones,
           "Over which servers and clients are spread; clients prefer theirs")
      .ValueName("N")
      .Range(1, 64)
      .ShowDefault();
  flags.Add("--balancing", values.balancing, absl::StrJoin(BalancingNames(), ", ").c_str())
      .ValueName("POLICY")
      .OneOf(BalancingNames())
      .ShowDefault();
  flags.Add("--overhead", values.overhead, "Of a request beside queue and lane: network, protobuf")
      .ValueName("TIME")
      .Range(absl::ZeroDuration(), absl::Minutes(1))
      .ShowDefault();
  flags.Add("--prepare", values.prepare, "Lane time to decode an image; 0s for tensors")
      .ValueName("TIME")
      .Range(absl::ZeroDuration(), absl::Minutes(1))
      .ShowDefault();
  const Flag most =
      flags.Add("--scale-max", values.scale_max, "Most servers: scaled as Kubernetes does")
          .ValueName("N")
          .Range(1, kMostReplicas)
          .Excludes(replicas);
  flags.Add("--scale-min", values.scale_min, "Fewest servers, and those at the start")
      .ValueName("N")
      .Range(1, kMostReplicas)
      .ShowDefault()
      .Needs(most);
  flags
      .Add("--scale-target-utilization", values.scale_target,
           "Part of the lanes' time that is to be used")
      .ValueName("PART")
      .Range(0.01, 1.0)
      .ShowDefault()
      .Needs(most);
  flags.Add("--scale-lag", values.scale_lag, "Until a new server is ready")
      .ValueName("TIME")
      .Range(absl::ZeroDuration(), absl::Hours(1))
      .ShowDefault()
      .Needs(most);
}

}  // namespace

void AddSimulateCommand(CommandLine& siskin) {
  auto values = std::make_shared<SimulateFlags>();
  Flags flags = siskin.AddCommand(
      kSimulate, [values](const Console& console) { return Simulate(*values, console); });
  AddCostFlags(flags, *values);
  AddLoadFlags(flags, *values);
  AddFleetFlags(flags, *values);
  flags
      .Add("--slo", values->objectives,
           "Objectives: a percentile of all requests and its time, as p99=25ms")
      .ValueName("pN=TIME ...")
      .Check(CheckObjective);
  flags.Add("--price", values->price, "Of a server for an hour: adds the cost of a million answers")
      .ValueName("N")
      .Range(0.0, 1e9);
  flags.Add("--json", values->json, "Write one JSON document");
}

}  // namespace siskin::cli
