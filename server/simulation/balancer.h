// Which replica a request goes to.
#ifndef SISKIN_SERVER_SIMULATION_BALANCER_H_
#define SISKIN_SERVER_SIMULATION_BALANCER_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "server/simulation/random.h"

namespace siskin::simulation {

enum class Balancing {
  kRoundRobin,    // in turn
  kLeastRequest,  // where the fewest requests are unanswered, in turn among those
  kRandom,
  kPowerOfTwo  // of two at random, where fewer are unanswered (Envoy's LEAST_REQUEST)
};

// Each zone has a balancer of its own that knows how many requests each replica has, from all
// zones. It prefers the replicas of its zone: others get something only if it has none.
class Balancer {
 public:
  struct Target {
    int replica = 0;
    int zone = 0;
    int64_t unanswered = 0;
  };

  Balancer(Balancing policy, int zones, uint64_t seed)
      : policy_(policy), turns_(zones), random_(seed) {}

  // Of the replicas that are ready, for a request that comes from `zone`. REQUIRES: not empty.
  int Choose(int zone, absl::Span<const Target> targets);

 private:
  const Balancing policy_;
  std::vector<uint64_t> turns_;  // of each zone: requests so far
  Random random_;
  std::vector<Target> candidates_;
};

}  // namespace siskin::simulation

#endif  // SISKIN_SERVER_SIMULATION_BALANCER_H_
