// What `siskin inspect` says about the networks of the catalogue.
#ifndef SISKIN_SERVER_CLI_LOCAL_CATALOGUE_H_
#define SISKIN_SERVER_CLI_LOCAL_CATALOGUE_H_

#include <optional>
#include <ostream>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "models/model_spec.h"
#include "server/cli/local/model_facts.h"

namespace siskin::cli {

struct CatalogueRow {
  const models::ModelSpec* spec = nullptr;
  const models::Variant* variant = nullptr;
  NetworkFacts facts;
  std::optional<absl::Duration> latency;  // see MeasureLatencies
};
using CatalogueRows = std::vector<CatalogueRow>;

// Every published variant Siskin knows.
absl::StatusOr<CatalogueRows> ListCatalogue();

// The rows of a table for documents: the main variants, or every variant at its network's usual
// resolution. Of several weights for one network the first.
CatalogueRows MainNetworks(const CatalogueRows& rows);
CatalogueRows AllNetworks(const CatalogueRows& rows);

// Runs every network with random weights for `duration`: the median time of one image in float32 on
// one thread.
absl::Status MeasureLatencies(absl::Duration duration, CatalogueRows& rows);

void PrintCatalogue(const CatalogueRows& rows, std::ostream& out);
void PrintCatalogueJson(const CatalogueRows& rows, std::ostream& out);
// With a column of latencies, and the machine they were measured on, if there are any.
void PrintCatalogueMarkdown(const CatalogueRows& rows, std::ostream& out);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_LOCAL_CATALOGUE_H_
