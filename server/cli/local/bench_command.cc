#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/cpu_budget.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "nlohmann/json.hpp"
#include "ops/rewrite.h"
#include "server/cli/command_line.h"
#include "server/cli/commands.h"
#include "server/cli/local/measurement.h"
#include "server/cli/local/model_selection.h"

namespace siskin::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr CommandLine::Info kBench = {
    .name = "bench",
    .description = "Measure a model in this process",
    .footer =
        R"(Runs plans in this process, without a server: what the network itself costs. A lane is a
pinned thread that runs alone, as in the server. Latency is that of a whole batch.

Examples:
  siskin bench                                            # the built-in model
  siskin bench --repository ~/models --model mobilenet_v2 --batch 1,8 --lanes 1,2
  siskin bench --random-model mobilenet_v1_0.25_128 --seconds 1 --json
  siskin bench --repository ~/models --model mobilenet_v2 --check golden.safetensors
)",
};

struct BenchFlags {
  std::string repository;
  std::string model;
  std::string version;
  std::string random_model;
  std::vector<int> batches = {1, 8};
  std::vector<int> lanes = {1};
  double seconds = 3;
  std::string check;
  bool json = false;
};

struct BenchReport {
  std::string model;
  int64_t multiply_adds = 0;  // of one image
  std::optional<double> max_relative_error;
  std::vector<BenchResult> results;

  double Gflops(const BenchResult& result) const {
    return 2.0 * static_cast<double>(multiply_adds) * result.images_per_second * 1e-9;
  }
};

using Plans = std::vector<std::shared_ptr<const ops::Plan>>;

absl::StatusOr<Plans> CompilePlans(const ops::Graph& graph, const std::vector<int>& batches) {
  SISKIN_ASSIGN_OR_RETURN(const ops::Graph optimised, ops::Optimize(graph));
  const auto weights = ops::MakePackedWeights();
  Plans plans;
  for (const int batch : batches) {
    SISKIN_ASSIGN_OR_RETURN(auto plan,
                            ops::Plan::Compile(optimised, {.batch_size = batch}, weights));
    plans.push_back(std::move(plan));
  }
  return plans;
}

absl::StatusOr<double> Check(const std::string& path, const Plans& plans) {
  SISKIN_ASSIGN_OR_RETURN(const Golden golden, ReadGolden(path));
  double worst = 0;
  for (const auto& plan : plans) {
    SISKIN_ASSIGN_OR_RETURN(const double error, MaxRelativeError(golden, *plan));
    worst = std::max(worst, error);
  }
  return worst;
}

absl::StatusOr<BenchReport> Measure(const BenchFlags& flags) {
  SISKIN_ASSIGN_OR_RETURN(const SelectedModel selected,
                          flags.random_model.empty()
                              ? SelectModel(flags.repository, flags.model, flags.version)
                              : SelectRandom(flags.random_model));
  BenchReport report;
  report.model = selected.name;
  report.multiply_adds = selected.model.graph.MultiplyAdds();
  SISKIN_ASSIGN_OR_RETURN(const Plans plans, CompilePlans(selected.model.graph, flags.batches));
  if (!flags.check.empty()) {
    SISKIN_ASSIGN_OR_RETURN(report.max_relative_error, Check(flags.check, plans));
  }
  const std::vector<int> cpus = DetectCpuBudget().cpus;
  for (const auto& plan : plans) {
    for (const int lanes : flags.lanes) {
      SISKIN_ASSIGN_OR_RETURN(BenchResult result,
                              RunBench(plan, lanes, absl::Seconds(flags.seconds), cpus));
      report.results.push_back(result);
    }
  }
  return report;
}

void PrintJson(const BenchReport& report, const Machine& machine, std::ostream& out) {
  Json results = Json::array();
  for (const BenchResult& result : report.results) {
    results.push_back({{"model", report.model},
                       {"batch", result.batch},
                       {"lanes", result.lanes},
                       {"images_per_second", result.images_per_second},
                       {"latency_ms",
                        {{"median", absl::ToDoubleMilliseconds(result.median)},
                         {"p99", absl::ToDoubleMilliseconds(result.p99)}}},
                       {"gflops", report.Gflops(result)}});
  }
  Json document = {{"results", results},
                   {"machine",
                    {{"cpu", machine.cpu},
                     {"isa", machine.isa},
                     {"onednn", machine.onednn},
                     {"cores", machine.cores}}},
                   {"version", Version()}};
  if (report.max_relative_error.has_value()) {
    document["check"] = {{"max_relative_error", *report.max_relative_error}};
  }
  WriteJson(document, out);
}

void PrintTable(const BenchReport& report, const Machine& machine, std::ostream& out) {
  out << absl::StrCat("machine: ", machine.cpu, ", ", machine.cores, " cores, oneDNN ",
                      machine.onednn, " with ", machine.isa, "\n\n");
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"model"},
               {"batch", kRight},
               {"lanes", kRight},
               {"images/s", kRight},
               {"median ms", kRight},
               {"p99 ms", kRight},
               {"GFLOP/s", kRight}});
  for (const BenchResult& result : report.results) {
    table.AddRow({report.model, absl::StrCat(result.batch), absl::StrCat(result.lanes),
                  absl::StrFormat("%.1f", result.images_per_second),
                  absl::StrFormat("%.3f", absl::ToDoubleMilliseconds(result.median)),
                  absl::StrFormat("%.3f", absl::ToDoubleMilliseconds(result.p99)),
                  absl::StrFormat("%.1f", report.Gflops(result))});
  }
  table.Print(out);
  if (report.max_relative_error.has_value()) {
    out << absl::StrFormat("\ncheck: largest relative error %.2e\n", *report.max_relative_error);
  }
}

int Bench(const BenchFlags& flags, const Console& console) {
  const absl::StatusOr<BenchReport> report = Measure(flags);
  if (!report.ok()) return Fail(console, report.status());
  const Machine machine = DescribeMachine();
  if (flags.json) {
    PrintJson(*report, machine, console.out);
  } else {
    PrintTable(*report, machine, console.out);
  }
  if (report->max_relative_error.value_or(0) > kMaxRelativeError) {
    return Fail(console, absl::StrFormat("check failed: relative error %.2e is above %.0e",
                                         *report->max_relative_error, kMaxRelativeError));
  }
  return kExitOk;
}

}  // namespace

void AddBenchCommand(CommandLine& siskin) {
  auto values = std::make_shared<BenchFlags>();
  Flags flags = siskin.AddCommand(
      kBench, [values](const Console& console) { return Bench(*values, console); });
  flags.Add("--repository", values->repository, "Folder of models (default: the built-in one)")
      .ValueName("DIR")
      .Env("SISKIN_REPOSITORY");
  flags
      .Add("--model", values->model,
           "Model of the repository; may be left out if it is the only one")
      .ValueName("NAME");
  flags.Add("--version", values->version, "Version of the model (default: the highest)")
      .ValueName("N");
  flags
      .Add("--random-model", values->random_model,
           "Instead of a repository: an architecture or variant with random weights")
      .ValueName("NAME");
  flags.Add("--batch", values->batches, "Batch sizes, separated by commas")
      .ValueName("N,...")
      .Delimiter(',')
      .Range(1, 1024)
      .ShowDefault();
  flags.Add("--lanes", values->lanes, "Lane counts, separated by commas")
      .ValueName("N,...")
      .Delimiter(',')
      .Lanes(/*least=*/1)
      .ShowDefault();
  flags.Add("--seconds", values->seconds, "Duration of each measurement")
      .ValueName("SECONDS")
      .Seconds(0.001, 600)
      .ShowDefault();
  flags
      .Add("--check", values->check,
           "Also compare with the outputs of a safetensors file ('input' and 'logits', or 'scores' "
           "and 'boxes'); exit 1 above a relative error of 1e-4")
      .ValueName("FILE");
  flags.Add("--json", values->json, "Write one JSON document");
}

}  // namespace siskin::cli
