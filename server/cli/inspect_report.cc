#include "server/cli/inspect_report.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "models/face_decoder.h"
#include "server/cli/table.h"

namespace siskin::cli {
namespace {

constexpr auto kRight = Table::Align::kRight;

const char* ToString(models::ResizeRule rule) {
  switch (rule) {
    case models::ResizeRule::kShortSideThenCrop:
      return "short side, then crop";
    case models::ResizeRule::kCropFraction:
      return "central crop, then resize";
    case models::ResizeRule::kStretch:
      return "whole image, stretched";
    case models::ResizeRule::kLetterbox:
      return "whole image, letterboxed";
  }
  return "unknown";
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

}  // namespace

std::string DescribePreprocessing(const models::InputContract& input) {
  std::string text = ToString(input.rule);
  if (input.rule == models::ResizeRule::kShortSideThenCrop) {
    absl::StrAppend(&text, " (", input.resize_to, " px)");
  } else if (input.rule == models::ResizeRule::kCropFraction) {
    absl::StrAppend(&text, " (", input.crop_fraction, ")");
  }
  absl::StrAppend(&text, ", ",
                  input.interpolation == models::Interpolation::kBicubic ? "bicubic" : "bilinear",
                  ", ", input.color_order == models::ColorOrder::kBgr ? "BGR" : "RGB");
  return text;
}

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

}  // namespace siskin::cli
