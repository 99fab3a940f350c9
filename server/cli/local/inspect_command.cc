#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "models/face_decoder.h"
#include "nlohmann/json.hpp"
#include "server/cli/command_line.h"
#include "server/cli/commands.h"
#include "server/cli/local/catalogue.h"
#include "server/cli/local/model_facts.h"
#include "server/cli/local/model_selection.h"
#include "server/repository/builtin_model.h"

namespace siskin::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto kRight = Table::Align::kRight;
constexpr int kDefaultBatch = 8;                           // the server's default max_batch_size
constexpr absl::Duration kMeasurement = absl::Seconds(1);  // of each network

constexpr CommandLine::Info kInspect = {
    .name = "inspect",
    .description = "Show models, layers, kernels and memory",
    .footer =
        R"(Without MODEL: the models of the repository, or, without one, the networks Siskin knows.
With MODEL: its facts and layers. MODEL is a model of the repository or, without one, the
built-in model, 'clothing', or an architecture or variant of the catalogue (with random
weights).

Examples:
  siskin inspect                                        # which networks are there?
  siskin inspect --markdown --latency                   # how fast are they here?
  siskin inspect clothing                               # the built-in model
  siskin inspect --repository ~/models                  # what would be served?
  siskin inspect --repository ~/models mobilenet_v2     # layers, parameters, memory
  siskin inspect mobilenet_v2 --plan --batch 4          # which kernel runs each step
)",
};

struct InspectFlags {
  std::string repository;
  std::string model;
  std::string version;
  int batch = kDefaultBatch;
  bool plan = false;
  bool graph = false;
  bool json = false;
  bool markdown = false;
  bool all = false;
  bool latency = false;
};

struct RepositoryRow {
  std::string name;
  std::string version;
  absl::Status status;  // why it does not load; the facts are empty then
  NetworkFacts facts;
};

// Every version of the repository at `path`, loaded one at a time.
absl::StatusOr<std::vector<RepositoryRow>> ListRepository(const std::string& path) {
  SISKIN_ASSIGN_OR_RETURN(const auto sources, repository::ScanRepository(path));
  std::vector<RepositoryRow> rows;
  for (const repository::ModelSource& source : sources) {
    RepositoryRow row;
    row.name = source.name;
    row.version = source.version;
    const absl::StatusOr<models::BoundModel> model = repository::LoadSource(source);
    row.status = model.status();
    if (model.ok()) row.facts = FactsOf(*model);
    rows.push_back(std::move(row));
  }
  return rows;
}

void PrintRepository(const std::vector<RepositoryRow>& rows, std::ostream& out) {
  Table table({{"model"},
               {"version", kRight},
               {"architecture"},
               {"variant"},
               {"keys"},
               {"input"},
               {"params", kRight},
               {"MACs", kRight},
               {"weights", kRight}});
  for (const RepositoryRow& row : rows) {
    if (!row.status.ok()) {
      table.AddRow({row.name, row.version, "does not load"});
      continue;
    }
    const NetworkFacts& facts = row.facts;
    table.AddRow({row.name, row.version, facts.architecture, facts.variant, facts.key_style,
                  facts.input, HumanCount(facts.parameters), HumanCount(facts.multiply_adds),
                  HumanBytes(facts.weight_bytes)});
  }
  table.Print(out);
}

void PrintRepositoryJson(const std::vector<RepositoryRow>& rows, std::ostream& out) {
  Json models = Json::array();
  for (const RepositoryRow& row : rows) {
    Json model = {{"name", row.name}, {"version", row.version}};
    if (row.status.ok()) {
      model.update(ToJson(row.facts));
    } else {
      model["error"] = std::string(row.status.message());
    }
    models.push_back(std::move(model));
  }
  WriteJson({{"models", models}}, out);
}

// What a network gives a value for, and how many there are.
std::pair<const char*, int> Answers(const models::BoundModel& model) {
  const int outputs = model.graph.output_shape().channels;
  if (model.spec->output == models::OutputKind::kClassification) return {"classes", outputs};
  return {"anchors", outputs / (1 + models::kBoxNumbers)};
}

void PrintSteps(const PlanFacts& plan, std::ostream& out) {
  Table table({{"step"}, {"implementation"}, {"micro batch", kRight}, {"MACs", kRight}});
  for (const ops::Plan::StepInfo& step : plan.steps) {
    table.AddRow({step.name, step.implementation, absl::StrCat(step.micro_batch),
                  HumanCount(step.multiply_adds)});
  }
  out << "\nplan for batch size " << plan.batch_size << "\n";
  table.Print(out);
}

void PrintFacts(const SelectedModel& model, const PlanFacts& plan, std::ostream& out) {
  const NetworkFacts facts = FactsOf(model.model);
  Table table({{"model"}, {Printable(model.name)}});
  table.AddRow({"version", model.version});
  table.AddRow({"network", absl::StrCat(model.model.spec->title, ", ", facts.variant)});
  table.AddRow({"paper", model.model.spec->paper});
  table.AddRow({"weights", model.model.random_weights
                               ? "random: the answers mean nothing"
                               : absl::StrCat("keys as in ", facts.key_style)});
  table.AddRow(
      {"input", absl::StrCat(facts.input, ", ", DescribePreprocessing(model.model.input))});
  const auto& [what, count] = Answers(model.model);
  table.AddRow({what, absl::StrCat(count)});
  table.AddRow({"parameters", HumanCount(facts.parameters)});
  table.AddRow({"MACs", HumanCount(facts.multiply_adds)});
  table.AddRow({"weights packed", absl::StrCat(HumanBytes(plan.packed_bytes), ", once a model")});
  table.AddRow({"arena", absl::StrCat(HumanBytes(plan.arena_bytes), " a lane, at batch size ",
                                      plan.batch_size)});
  table.Print(out);
}

void PrintModel(const SelectedModel& model, const PlanFacts& plan, bool with_steps,
                std::ostream& out) {
  PrintFacts(model, plan, out);
  Table table({{"layer"}, {"op"}, {"output"}, {"params", kRight}, {"MACs", kRight}});
  for (const LayerFacts& layer : DescribeLayers(model.model.graph)) {
    table.AddRow({layer.name, layer.op, layer.output, HumanCount(layer.parameters),
                  HumanCount(layer.multiply_adds)});
  }
  out << "\n";
  table.Print(out);
  if (with_steps) PrintSteps(plan, out);
}

void PrintModelJson(const SelectedModel& model, const PlanFacts& plan, bool with_steps,
                    std::ostream& out) {
  Json document = {{"name", model.name}, {"version", model.version}};
  document.update(ToJson(FactsOf(model.model)));
  document["random_weights"] = model.model.random_weights;
  const auto& [what, count] = Answers(model.model);
  document[what] = count;
  document["memory"] = {{"batch", plan.batch_size},
                        {"packed_weight_bytes", plan.packed_bytes},
                        {"arena_bytes_per_lane", plan.arena_bytes}};
  document["layers"] = Json::array();
  for (const LayerFacts& layer : DescribeLayers(model.model.graph)) {
    document["layers"].push_back({{"name", layer.name},
                                  {"op", layer.op},
                                  {"output", layer.output},
                                  {"parameters", layer.parameters},
                                  {"multiply_adds", layer.multiply_adds}});
  }
  if (with_steps) {
    document["plan"] = Json::array();
    for (const ops::Plan::StepInfo& step : plan.steps) {
      document["plan"].push_back({{"name", step.name},
                                  {"implementation", step.implementation},
                                  {"micro_batch", step.micro_batch},
                                  {"multiply_adds", step.multiply_adds}});
    }
  }
  WriteJson(document, out);
}

int PrintNetworks(const InspectFlags& flags, const CatalogueRows& rows, const Console& console) {
  CatalogueRows networks = flags.all ? AllNetworks(rows) : MainNetworks(rows);
  if (flags.latency) {
    const absl::Status measured = MeasureLatencies(kMeasurement, networks);
    if (!measured.ok()) return Fail(console, measured);
  }
  PrintCatalogueMarkdown(networks, console.out);
  return kExitOk;
}

int InspectCatalogue(const InspectFlags& flags, const Console& console) {
  const auto rows = ListCatalogue();
  if (!rows.ok()) return Fail(console, rows.status());
  if (flags.markdown) return PrintNetworks(flags, *rows, console);
  if (flags.json) {
    PrintCatalogueJson(*rows, console.out);
  } else {
    PrintCatalogue(*rows, console.out);
    console.out << "\nBuilt in, with trained weights: " << repository::kBuiltinModel << "\n";
  }
  return kExitOk;
}

int InspectRepository(const InspectFlags& flags, const Console& console) {
  const auto rows = ListRepository(flags.repository);
  if (!rows.ok()) return Fail(console, rows.status());
  flags.json ? PrintRepositoryJson(*rows, console.out) : PrintRepository(*rows, console.out);
  bool broken = rows->empty();
  for (const RepositoryRow& row : *rows) {
    if (row.status.ok()) continue;
    broken = true;
    Fail(console, row.name + " version " + row.version + ": " + std::string(row.status.message()));
  }
  if (rows->empty()) Fail(console, flags.repository + " holds no model");
  return broken ? kExitFailed : kExitOk;
}

int InspectModel(const InspectFlags& flags, const Console& console) {
  const bool catalogue = flags.repository.empty() && flags.model != repository::kBuiltinModel;
  const absl::StatusOr<SelectedModel> model =
      catalogue ? SelectRandom(flags.model)
                : SelectModel(flags.repository, flags.model, flags.version);
  if (!model.ok()) return Fail(console, model.status());
  if (flags.graph) {
    console.out << model->model.graph.Dump();
    return kExitOk;
  }
  const absl::StatusOr<PlanFacts> plan = DescribePlan(model->model.graph, flags.batch);
  if (!plan.ok()) return Fail(console, plan.status());
  if (flags.json) {
    PrintModelJson(*model, *plan, flags.plan, console.out);
  } else {
    PrintModel(*model, *plan, flags.plan, console.out);
  }
  return kExitOk;
}

int Inspect(const InspectFlags& flags, const Console& console) {
  if (!flags.model.empty()) return InspectModel(flags, console);
  if (flags.plan || flags.graph || !flags.version.empty()) {
    return Fail(console, "--plan, --graph and --version need a MODEL", kExitUsage);
  }
  if (flags.markdown) return InspectCatalogue(flags, console);
  return flags.repository.empty() ? InspectCatalogue(flags, console)
                                  : InspectRepository(flags, console);
}

}  // namespace

void AddInspectCommand(CommandLine& siskin) {
  auto values = std::make_shared<InspectFlags>();
  Flags flags = siskin.AddCommand(
      kInspect, [values](const Console& console) { return Inspect(*values, console); });
  flags.Add("MODEL", values->model, "Model to show in detail").ValueName("");
  flags.Add("--repository", values->repository, "Folder of models")
      .ValueName("DIR")
      .Env("SISKIN_REPOSITORY");
  flags.Add("--version", values->version, "Version of the model (default: the highest)")
      .ValueName("N");
  flags.Add("--batch", values->batch, "Batch size the memory and the plan are for")
      .ValueName("N")
      .Range(1, 1024)
      .ShowDefault();
  flags.Add("--plan", values->plan, "Also show each step of the plan and the kernel that runs it");
  const Flag graph =
      flags.Add("--graph", values->graph, "Write the graph of MODEL, a line a node, and no more");
  const Flag json = flags.Add("--json", values->json, "Write one JSON document").Excludes(graph);
  const Flag markdown =
      flags.Add("--markdown", values->markdown, "Write the table of networks for a document")
          .Excludes(json);
  flags.Add("--all", values->all, "With --markdown: every width, not only 1").Needs(markdown);
  flags
      .Add("--latency", values->latency,
           "With --markdown: measure each network, for about two seconds")
      .Needs(markdown);
}

}  // namespace siskin::cli
