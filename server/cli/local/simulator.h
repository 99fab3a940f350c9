// The questions that `siskin simulate` answers: what if, which rate at most, how many replicas.
#ifndef SISKIN_SERVER_CLI_LOCAL_SIMULATOR_H_
#define SISKIN_SERVER_CLI_LOCAL_SIMULATOR_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/cli/local/batch_costs.h"
#include "server/cli/local/simulation_answer.h"
#include "server/simulation/costs.h"

namespace siskin::cli {

inline constexpr int kMostReplicas = 4096;
inline constexpr int kMostRequests = 20'000'000;  // which take a gigabyte

// The flags. Times are 0 where there is none.
struct SimulateFlags {
  CostSource source;
  std::string save_costs;

  std::optional<double> rate;
  double burst = 1;
  std::string trace;
  int images = 1;
  int requests = 100'000;
  absl::Duration length = absl::ZeroDuration();
  absl::Duration deadline = absl::ZeroDuration();
  int seed = 1;

  std::optional<int> replicas;
  std::optional<int> lanes;
  int zones = 1;
  std::string balancing = "round_robin";
  absl::Duration overhead = absl::Microseconds(500);
  absl::Duration prepare = absl::ZeroDuration();

  int scale_min = 1;
  std::optional<int> scale_max;
  double scale_target = 0.6;
  absl::Duration scale_lag = absl::Minutes(1);

  std::vector<std::string> objectives;
  std::optional<double> price;
  bool json = false;
};

std::vector<std::string> BalancingNames();

bool HasLoad(const SimulateFlags& flags);  // a rate or a trace
// Without a load the largest rate, with one but without a number of replicas the fewest of them
// that meet the objectives, if there are any.
Question QuestionOf(const SimulateFlags& flags);

// REQUIRES: `flags` are valid, `models` is what their source names. NOT_FOUND: nothing meets the
// objectives. INVALID_ARGUMENT: the trace is wrong, or the load has no or too many requests.
absl::StatusOr<SimulationAnswer> AnswerQuestion(const SimulateFlags& flags,
                                                std::vector<simulation::NamedModel> models);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_LOCAL_SIMULATOR_H_
