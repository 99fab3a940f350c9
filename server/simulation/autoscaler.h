// How many replicas there should be, as Kubernetes' HorizontalPodAutoscaler decides with its
// defaults and a target of CPU utilisation
// (https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/).
#ifndef SISKIN_SERVER_SIMULATION_AUTOSCALER_H_
#define SISKIN_SERVER_SIMULATION_AUTOSCALER_H_

#include <deque>

#include "server/simulation/virtual_time.h"

namespace siskin::simulation {

struct ScalingOptions {
  int least = 1;                   // replicas, >= 1
  int most = 1;                    // >= least
  double target = 0.6;             // of the lanes' time that is used, in (0, 1]
  Nanoseconds lag = 60 * kSecond;  // until a new replica is ready; >= 0
};

class Autoscaler {
 public:
  static constexpr Nanoseconds kInterval = 15 * kSecond;  // between two decisions
  // No change while the utilisation is within this part of the target.
  static constexpr double kTolerance = 0.1;
  // Replicas go only when they were not wanted for so long.
  static constexpr Nanoseconds kStabilization = 300 * kSecond;

  explicit Autoscaler(const ScalingOptions& options) : options_(options) {}

  // There are `replicas`, those that are not ready yet included, whose lanes were busy as if that
  // many replicas had worked all of the last interval. A decision at most doubles them, or adds
  // four.
  int Decide(Nanoseconds now, int replicas, double busy);

 private:
  struct Wish {
    Nanoseconds time = 0;
    int replicas = 0;
  };

  const ScalingOptions options_;
  std::deque<Wish> wishes_;  // of the last kStabilization
};

}  // namespace siskin::simulation

#endif  // SISKIN_SERVER_SIMULATION_AUTOSCALER_H_
