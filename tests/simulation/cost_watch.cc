#include "tests/simulation/cost_watch.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace siskin::simulation {
namespace {

// Durations are multiples of a quarter of a nanosecond; nearly right is right enough.
constexpr absl::Duration kNear = absl::Nanoseconds(100);
constexpr double kLargestRise = 1.251;  // by one batch: cost_model.h

}  // namespace

CostWatch::CostWatch(batching::CostModel costs, int max_batch_size)
    : first_(costs), costs_(std::move(costs)), max_batch_size_(max_batch_size) {
  Look();
}

void CostWatch::Look() {
  best_batch_size_ = FindBestBatchSize(0.98);
  best_shared_batch_size_ = FindBestBatchSize(0.9);
  cost_per_image_ = costs_.Cost(best_batch_size_) / best_batch_size_;
}

std::string CostWatch::Update(batching::CostModel costs, int size, absl::Duration took) {
  if (costs.known() != known()) return "costs came or went";
  std::string wrong;
  for (const batching::BatchCost& cost : costs.costs()) {
    const absl::Duration before = costs_.Cost(cost.batch_size);
    const bool observed = cost.batch_size == size;
    // What was not run follows what was, from what was measured at first.
    const double slowdown = absl::FDivDuration(costs.Cost(size), first_.Cost(size));
    const absl::Duration aim = observed ? took : first_.Cost(cost.batch_size) * slowdown;
    const absl::Duration least = std::min(before, aim);
    const absl::Duration most = std::max(before, aim);
    const bool near = absl::AbsDuration(aim - before) < kNear;
    const bool learned = near || cost.cost != before;
    if (cost.cost < least - kNear || cost.cost > most + kNear ||
        cost.cost > before * kLargestRise || !learned) {
      wrong = absl::StrCat("a batch of ", size, " took ", absl::FormatDuration(took),
                           "; the cost of ", cost.batch_size, " went from ",
                           absl::FormatDuration(before), " to ", absl::FormatDuration(cost.cost));
    }
  }
  costs_ = std::move(costs);
  Look();
  return wrong;
}

int CostWatch::FindBestBatchSize(double as_good) const {
  if (!known()) return max_batch_size_;
  const auto per_image = [](const batching::BatchCost& cost) {
    return absl::ToDoubleNanoseconds(cost.cost) / cost.batch_size;
  };
  double least = std::numeric_limits<double>::infinity();
  for (const batching::BatchCost& cost : costs_.costs()) {
    if (cost.batch_size <= max_batch_size_) least = std::min(least, per_image(cost));
  }
  int best = max_batch_size_;
  for (const batching::BatchCost& cost : costs_.costs()) {
    if (cost.batch_size <= best && as_good * per_image(cost) <= least * (1 + 1e-9)) {
      best = cost.batch_size;
    }
  }
  return best;
}

}  // namespace siskin::simulation
