// What batches cost, for `siskin simulate`: measured here and now, read from a file, or given.
#ifndef SISKIN_SERVER_CLI_LOCAL_BATCH_COSTS_H_
#define SISKIN_SERVER_CLI_LOCAL_BATCH_COSTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/simulation/costs.h"

namespace siskin::cli {

// Of `costs`, `cost`, `random_model` and `repository`, the first that is not empty counts; none:
// the built-in model is measured.
struct CostSource {
  std::string costs;  // a file that simulation::ParseCosts reads
  std::string cost;   // what simulation::ParseCostList reads
  std::string random_model;
  std::string repository;
  std::string model;    // of the repository or the file
  std::string version;  // of the repository
  double seconds = 1;   // that each batch size is measured for
};

// The models of a file, or the only one. Measured: by the plans that a server would make, on
// `lanes` cores at once as under load, or on as many as there are.
absl::StatusOr<std::vector<simulation::NamedModel>> FindCosts(const CostSource& source, int lanes);

// A file's text. NOT_FOUND: it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_LOCAL_BATCH_COSTS_H_
