#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "server/cli/catalogue_report.h"
#include "server/cli/commands.h"
#include "server/cli/inspect_report.h"
#include "server/cli/model_facts.h"
#include "server/cli/model_selection.h"

namespace siskin::cli {
namespace {

constexpr int kDefaultBatch = 8;                           // the server's default max_batch_size
constexpr absl::Duration kMeasurement = absl::Seconds(1);  // of each network

constexpr char kFooter[] =
    "Without MODEL: the models of the repository, or, without one, the networks Siskin knows.\n"
    "With MODEL: its facts and layers. MODEL is a model of the repository or, without one, an\n"
    "architecture or variant of the catalogue (with random weights).\n"
    "\n"
    "Examples:\n"
    "  siskin inspect                                        # which networks are there?\n"
    "  siskin inspect --markdown --latency                   # how fast are they here?\n"
    "  siskin inspect --repository ~/models                  # what would be served?\n"
    "  siskin inspect --repository ~/models mobilenet_v2     # layers, parameters, memory\n"
    "  siskin inspect mobilenet_v2 --plan --batch 4          # which kernel runs each step\n";

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
  flags.json ? PrintCatalogueJson(*rows, console.out) : PrintCatalogue(*rows, console.out);
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
  const absl::StatusOr<SelectedModel> model =
      flags.repository.empty() ? SelectRandom(flags.model)
                               : SelectFromRepository(flags.repository, flags.model, flags.version);
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

Command AddInspectCommand(CLI::App& parent) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* app = parent.add_subcommand("inspect", "Show models, layers, kernels and memory");
  app->footer(kFooter);
  app->add_option("MODEL", flags->model, "Model to show in detail")->type_name("");
  app->add_option("--repository", flags->repository, "Folder of models")
      ->type_name("DIR")
      ->envname("SISKIN_REPOSITORY");
  app->add_option("--version", flags->version, "Version of the model (default: the highest)")
      ->type_name("N");
  app->add_option("--batch", flags->batch, "Batch size the memory and the plan are for")
      ->type_name("N")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app->add_flag("--plan", flags->plan,
                "Also show each step of the plan and the kernel that runs it");
  CLI::Option* graph = app->add_flag("--graph", flags->graph,
                                     "Write the graph of MODEL, a line a node, and no more");
  CLI::Option* json =
      app->add_flag("--json", flags->json, "Write one JSON document")->excludes(graph);
  CLI::Option* markdown =
      app->add_flag("--markdown", flags->markdown, "Write the table of networks for a document")
          ->excludes(json);
  app->add_flag("--all", flags->all, "With --markdown: every width, not only 1")->needs(markdown);
  app->add_flag("--latency", flags->latency,
                "With --markdown: measure each network, for about two seconds")
      ->needs(markdown);
  return {app, [flags](const Console& console) { return Inspect(*flags, console); }};
}

}  // namespace siskin::cli
