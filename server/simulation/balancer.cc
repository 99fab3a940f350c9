#include "server/simulation/balancer.h"

#include <algorithm>
#include <iterator>

namespace siskin::simulation {
namespace {

using Target = Balancer::Target;

// In turn: of two that are as good the one that comes first from `turn` on.
const Target& LeastFrom(absl::Span<const Target> targets, uint64_t turn) {
  const Target* best = &targets[turn % targets.size()];
  for (size_t i = 1; i < targets.size(); ++i) {
    const Target& target = targets[(turn + i) % targets.size()];
    if (target.unanswered < best->unanswered) best = &target;
  }
  return *best;
}

const Target& LessOfTwo(absl::Span<const Target> targets, Random& random) {
  const int count = static_cast<int>(targets.size());
  const int first = random.Below(count);
  if (count == 1) return targets[0];
  const int second = (first + 1 + random.Below(count - 1)) % count;  // another one
  return targets[second].unanswered < targets[first].unanswered ? targets[second] : targets[first];
}

}  // namespace

int Balancer::Choose(int zone, absl::Span<const Target> targets) {
  candidates_.clear();
  std::copy_if(targets.begin(), targets.end(), std::back_inserter(candidates_),
               [zone](const Target& target) { return target.zone == zone; });
  if (!candidates_.empty()) targets = candidates_;
  const uint64_t turn = turns_[zone]++;
  switch (policy_) {
    case Balancing::kRoundRobin:
      return targets[turn % targets.size()].replica;
    case Balancing::kLeastRequest:
      return LeastFrom(targets, turn).replica;
    case Balancing::kRandom:
      return targets[random_.Below(static_cast<int>(targets.size()))].replica;
    case Balancing::kPowerOfTwo:
      return LessOfTwo(targets, random_).replica;
  }
  return targets[0].replica;
}

}  // namespace siskin::simulation
