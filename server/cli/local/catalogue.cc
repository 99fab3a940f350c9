#include "server/cli/local/catalogue.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/cpu_budget.h"
#include "base/status_macros.h"
#include "models/catalog.h"
#include "nlohmann/json.hpp"
#include "ops/plan.h"
#include "ops/rewrite.h"
#include "server/cli/console.h"
#include "server/cli/local/measurement.h"
#include "server/cli/local/model_selection.h"

namespace siskin::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string PublishedTop1(const models::Variant& variant) {
  return variant.published_top1 ? absl::StrFormat("%.1f %%", *variant.published_top1) : "-";
}

// Networks are the same if they have as many parameters and multiply-adds.
CatalogueRows WithoutRepetitions(const CatalogueRows& rows) {
  std::set<std::tuple<std::string, int64_t, int64_t>> seen;
  CatalogueRows distinct;
  for (const CatalogueRow& row : rows) {
    const NetworkFacts& facts = row.facts;
    if (seen.emplace(facts.architecture, facts.parameters, facts.multiply_adds).second) {
      distinct.push_back(row);
    }
  }
  return distinct;
}

absl::StatusOr<absl::Duration> MeasureLatency(const models::Variant& variant,
                                              absl::Duration duration) {
  SISKIN_ASSIGN_OR_RETURN(const SelectedModel selected, SelectRandom(variant.name));
  SISKIN_ASSIGN_OR_RETURN(const ops::Graph optimised, ops::Optimize(selected.model.graph));
  SISKIN_ASSIGN_OR_RETURN(
      const auto plan, ops::Plan::Compile(optimised, {.batch_size = 1}, ops::MakePackedWeights()));
  SISKIN_ASSIGN_OR_RETURN(const BenchResult result,
                          RunBench(plan, /*lanes=*/1, duration, DetectCpuBudget().cpus));
  return result.median;
}

}  // namespace

absl::StatusOr<CatalogueRows> ListCatalogue() {
  CatalogueRows rows;
  for (const models::ModelSpec& spec : models::Catalog()) {
    for (const models::Variant& variant : spec.variants) {
      SISKIN_ASSIGN_OR_RETURN(NetworkFacts facts, FactsOf(spec, variant));
      rows.push_back({.spec = &spec, .variant = &variant, .facts = std::move(facts)});
    }
  }
  return rows;
}

CatalogueRows MainNetworks(const CatalogueRows& rows) {
  CatalogueRows networks;
  for (const CatalogueRow& row : rows) {
    const std::vector<const models::Variant*> main = row.spec->MainVariants();
    if (std::find(main.begin(), main.end(), row.variant) != main.end()) networks.push_back(row);
  }
  return WithoutRepetitions(networks);
}

CatalogueRows AllNetworks(const CatalogueRows& rows) {
  CatalogueRows networks;
  for (const CatalogueRow& row : rows) {
    if (row.variant->resolution == row.spec->resolution) networks.push_back(row);
  }
  return WithoutRepetitions(networks);
}

absl::Status MeasureLatencies(absl::Duration duration, CatalogueRows& rows) {
  for (CatalogueRow& row : rows) {
    SISKIN_ASSIGN_OR_RETURN(row.latency, MeasureLatency(*row.variant, duration));
  }
  return absl::OkStatus();
}

void PrintCatalogue(const CatalogueRows& rows, std::ostream& out) {
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"architecture"},
               {"variant"},
               {"keys"},
               {"input"},
               {"params", kRight},
               {"MACs", kRight},
               {"weights", kRight},
               {"published top-1", kRight}});
  for (const CatalogueRow& row : rows) {
    const NetworkFacts& facts = row.facts;
    table.AddRow({facts.architecture, facts.variant, facts.key_style, facts.input,
                  HumanCount(facts.parameters), HumanCount(facts.multiply_adds),
                  HumanBytes(facts.weight_bytes), PublishedTop1(*row.variant)});
  }
  table.Print(out);
}

void PrintCatalogueJson(const CatalogueRows& rows, std::ostream& out) {
  Json variants = Json::array();
  for (const CatalogueRow& row : rows) {
    Json variant = ToJson(row.facts);
    if (row.variant->published_top1.has_value()) {
      variant["published_top1"] = *row.variant->published_top1;
    }
    variants.push_back(std::move(variant));
  }
  WriteJson({{"catalogue", variants}}, out);
}

void PrintCatalogueMarkdown(const CatalogueRows& rows, std::ostream& out) {
  const bool measured = !rows.empty() && rows.front().latency.has_value();
  out << "| network | variant | parameters | MACs | input | published top-1 | weights |"
      << (measured ? " f32 ms |" : "") << "\n|---|---|---|---|---|---|---|"
      << (measured ? "---|" : "") << "\n";
  for (const CatalogueRow& row : rows) {
    const NetworkFacts& facts = row.facts;
    out << "| " << row.spec->title << " | `" << facts.variant << "` | "
        << HumanCount(facts.parameters) << " | " << HumanCount(facts.multiply_adds) << " | "
        << facts.input << " | " << PublishedTop1(*row.variant) << " | " << row.variant->source
        << " |";
    if (row.latency.has_value()) {
      out << absl::StrFormat(" %.2f |", absl::ToDoubleMilliseconds(*row.latency));
    }
    out << "\n";
  }
  if (!measured) return;
  const Machine machine = DescribeMachine();
  out << "\nf32 ms: the median time of one image on one thread of an " << machine.cpu << ", oneDNN "
      << machine.onednn << " with " << machine.isa << ".\n";
}

}  // namespace siskin::cli
