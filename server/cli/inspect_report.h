// What `siskin inspect` says about the models of a repository, and about one model.
#ifndef SISKIN_SERVER_CLI_INSPECT_REPORT_H_
#define SISKIN_SERVER_CLI_INSPECT_REPORT_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "models/input_contract.h"
#include "server/cli/model_facts.h"
#include "server/cli/model_selection.h"
#include "server/cli/network_facts.h"

namespace siskin::cli {

// "short side, then crop (256 px), bicubic, RGB"
std::string DescribePreprocessing(const models::InputContract& input);

struct RepositoryRow {
  std::string name;
  std::string version;
  absl::Status status;  // why it does not load; the facts are empty then
  NetworkFacts facts;
};

// Every version of the repository at `path`, loaded one at a time.
absl::StatusOr<std::vector<RepositoryRow>> ListRepository(const std::string& path);

void PrintRepository(const std::vector<RepositoryRow>& rows, std::ostream& out);
void PrintRepositoryJson(const std::vector<RepositoryRow>& rows, std::ostream& out);
void PrintModel(const SelectedModel& model, const PlanFacts& plan, bool with_steps,
                std::ostream& out);
void PrintModelJson(const SelectedModel& model, const PlanFacts& plan, bool with_steps,
                    std::ostream& out);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_INSPECT_REPORT_H_
