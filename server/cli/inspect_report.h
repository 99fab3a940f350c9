// What `siskin inspect` lists, and how it looks.
#ifndef SISKIN_SERVER_CLI_INSPECT_REPORT_H_
#define SISKIN_SERVER_CLI_INSPECT_REPORT_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/input_contract.h"
#include "server/cli/model_facts.h"
#include "server/cli/model_selection.h"

namespace siskin::cli {

// "short side, then crop (256 px), bicubic, RGB"
std::string DescribePreprocessing(const models::InputContract& input);

// What both lists say about a network.
struct NetworkFacts {
  std::string architecture;
  std::string variant;
  std::string key_style;
  std::string input;  // "3x224x224"
  int64_t parameters = 0;
  int64_t multiply_adds = 0;
  int64_t weight_bytes = 0;
};

struct RepositoryRow {
  std::string name;
  std::string version;
  absl::Status status;  // why it does not load; the facts are empty then
  NetworkFacts facts;
};

struct CatalogueRow {
  NetworkFacts facts;
  std::string title;  // "MobileNetV2"
  std::optional<double> published_top1;
  std::string source;             // of weights that fit
  bool usual_resolution = false;  // of the network's published weights
};

// Every version of the repository at `path`, loaded one at a time.
absl::StatusOr<std::vector<RepositoryRow>> ListRepository(const std::string& path);
// Every published variant Siskin knows.
absl::StatusOr<std::vector<CatalogueRow>> ListCatalogue();

void PrintRepository(const std::vector<RepositoryRow>& rows, std::ostream& out);
void PrintRepositoryJson(const std::vector<RepositoryRow>& rows, std::ostream& out);
void PrintCatalogue(const std::vector<CatalogueRow>& rows, std::ostream& out);
void PrintCatalogueJson(const std::vector<CatalogueRow>& rows, std::ostream& out);
// The networks as a table for documents: each at its usual resolution, once.
void PrintCatalogueMarkdown(const std::vector<CatalogueRow>& rows, std::ostream& out);
void PrintModel(const SelectedModel& model, const PlanFacts& plan, bool with_steps,
                std::ostream& out);
void PrintModelJson(const SelectedModel& model, const PlanFacts& plan, bool with_steps,
                    std::ostream& out);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_INSPECT_REPORT_H_
