#include "server/simulation/autoscaler.h"

#include <algorithm>
#include <cmath>

namespace siskin::simulation {

int Autoscaler::Decide(Nanoseconds now, int replicas, double busy) {
  const double ratio = busy / (replicas * options_.target);
  int wish = replicas;
  if (std::abs(ratio - 1) > kTolerance) {
    // A hair less, so that 1.2 / 0.6 is 2.
    wish = static_cast<int>(std::ceil(busy / options_.target - 1e-9));
  }
  wish = std::min(wish, std::max(2 * replicas, replicas + 4));
  wish = std::clamp(wish, options_.least, options_.most);
  wishes_.push_back({now, wish});
  while (wishes_.front().time <= now - kStabilization) wishes_.pop_front();
  if (wish >= replicas) return wish;
  const auto highest =
      std::max_element(wishes_.begin(), wishes_.end(),
                       [](const Wish& a, const Wish& b) { return a.replicas < b.replicas; });
  return std::min(replicas, highest->replicas);
}

}  // namespace siskin::simulation
