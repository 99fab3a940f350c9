// What a run means for an operator: how many requests were answered in time, how fast, at what
// cost, and whether the objectives are met.
#ifndef SISKIN_SERVER_SIMULATION_REPORT_H_
#define SISKIN_SERVER_SIMULATION_REPORT_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/rejection.h"
#include "server/simulation/fleet.h"

namespace siskin::simulation {

// At least this part of all requests is answered within the limit. One that is refused, or is not
// answered in time, counts as one that takes for ever: refusing does not meet an objective.
struct Objective {
  std::string name;  // "p99"
  double part = 0;   // 0.99
  Nanoseconds limit = 0;
};
// "p99=25ms", "p99.9=1s". INVALID_ARGUMENT for anything else.
absl::StatusOr<Objective> ParseObjective(const std::string& text);

struct ObjectiveResult {
  Objective objective;
  double within = 0;      // part of all requests
  Nanoseconds value = 0;  // the quantile of all requests; kNever: too many had no answer
  bool met() const { return value <= objective.limit; }
};

struct Report {
  int64_t requests = 0;
  int64_t in_time = 0;  // answered before the deadline
  int64_t late = 0;     // answered after it: the client had gone
  std::array<int64_t, kAllRejections.size()> rejected = {};  // by reason
  double seconds = 0;
  // Of those that were answered in time; 0 if none was.
  Nanoseconds p50 = 0;
  Nanoseconds p90 = 0;
  Nanoseconds p99 = 0;
  Nanoseconds p999 = 0;
  double utilization = 0;    // of the lanes' time
  double mean_batch = 0;     // images
  double mean_replicas = 0;  // over the run, those included that were not ready yet
  int most_replicas = 0;
  double machine_seconds = 0;
  std::vector<ObjectiveResult> objectives;

  bool met() const;  // all objectives
  double offered_rate() const { return static_cast<double>(requests) / seconds; }
  double goodput() const { return static_cast<double>(in_time) / seconds; }
  // Of a million requests that were answered in time, where a replica costs `price` an hour.
  // Infinite if none was.
  double CostOfMillion(double price) const;
};

Report Summarize(const FleetRun& run, Nanoseconds deadline, absl::Span<const Objective> objectives);

}  // namespace siskin::simulation

#endif  // SISKIN_SERVER_SIMULATION_REPORT_H_
