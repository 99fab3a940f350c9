#include "server/simulation/search.h"

#include <algorithm>

namespace siskin::simulation {

std::optional<double> LargestRate(double most, absl::FunctionRef<bool(double)> meets) {
  if (meets(most)) return most;
  double good = 0;
  double bad = most;
  while (bad - good > kRateStep * most) {
    const double middle = (good + bad) / 2;
    (meets(middle) ? good : bad) = middle;
  }
  if (good == 0) return std::nullopt;
  return good;
}

std::optional<int> LeastReplicas(int most, absl::FunctionRef<bool(int)> meets) {
  int bad = 0;
  int good = 1;
  while (!meets(good)) {
    if (good == most) return std::nullopt;
    bad = good;
    good = std::min(2 * good, most);
  }
  while (good - bad > 1) {
    const int middle = (good + bad) / 2;
    (meets(middle) ? good : bad) = middle;
  }
  return good;
}

}  // namespace siskin::simulation
