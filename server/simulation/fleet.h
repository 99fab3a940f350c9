// From one server to many in virtual time: replicas behind balancers, in zones, that may come and
// go with the load. The same in every run of the same options and requests.
//
// A request takes half of the overhead to its replica, and the answer the other half. A request
// that is refused is not sent again.
#ifndef SISKIN_SERVER_SIMULATION_FLEET_H_
#define SISKIN_SERVER_SIMULATION_FLEET_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/rejection.h"
#include "server/simulation/autoscaler.h"
#include "server/simulation/balancer.h"
#include "server/simulation/replica.h"
#include "server/simulation/requests.h"
#include "server/simulation/virtual_time.h"

namespace siskin::simulation {

struct FleetOptions {
  int replicas = 1;  // >= 1; with scaling: at the start
  int lanes = 1;     // of each, >= 1
  // Replicas are spread over them in turn, and so are clients, at random. >= 1
  int zones = 1;
  Balancing balancing = Balancing::kRoundRobin;
  std::optional<ScalingOptions> scaling;
  Nanoseconds deadline = kNever;  // of each request, from when it is sent
  Nanoseconds overhead = 0;       // of a request beside its time at the scheduler and in a lane
  Nanoseconds prepare = 0;  // lane time that an image takes to be decoded; the server knows it
  uint64_t seed = 1;        // of all that is drawn but the requests
};

struct Outcome {
  Nanoseconds sent = 0;
  Nanoseconds latency = kNever;        // until its client has the answer; kNever: there is none
  std::optional<Rejection> rejection;  // why there is none
};

struct FleetRun {
  std::vector<Outcome> outcomes;  // of each request
  Nanoseconds end = 0;            // of the last request, or the last batch
  int64_t batches = 0;
  int64_t images = 0;          // in them
  double lane_seconds = 0;     // of all lanes that there were
  double busy_seconds = 0;     // of them
  double machine_seconds = 0;  // of all replicas, from when they were ordered until they went
  int most_replicas = 0;       // that there were at a time
};

// `requests` by time, at least one. INVALID_ARGUMENT for queues whose options are out of range.
absl::StatusOr<FleetRun> RunFleet(const FleetOptions& options, absl::Span<const ServedModel> models,
                                  absl::Span<const Request> requests);

}  // namespace siskin::simulation

#endif  // SISKIN_SERVER_SIMULATION_FLEET_H_
