#include "server/batching/cost_model.h"

#include <algorithm>
#include <utility>

namespace siskin::batching {
namespace {

constexpr double kAsGood = 0.98;  // of the best throughput
constexpr double kAsGoodShared = 0.9;
constexpr double kProportion = 1.0 / 64;  // how far other sizes follow the one that was run

}  // namespace

CostModel::CostModel(std::vector<BatchCost> measured) : costs_(std::move(measured)) {
  std::sort(costs_.begin(), costs_.end(),
            [](const BatchCost& a, const BatchCost& b) { return a.batch_size > b.batch_size; });
  measured_ = costs_;
}

absl::Duration CostModel::Cost(int images) const {
  absl::Duration total;
  for (const BatchCost& cost : costs_) {
    total += images / cost.batch_size * cost.cost;
    images %= cost.batch_size;
  }
  return total;
}

absl::Duration CostModel::CostPerImage(int batch_size) const {
  return Cost(batch_size) / batch_size;
}

int CostModel::BestBatchSize(int limit, bool shared) const {
  if (!known()) return limit;
  absl::Duration least = absl::InfiniteDuration();
  for (const BatchCost& cost : costs_) {
    if (cost.batch_size <= limit) least = std::min(least, cost.cost / cost.batch_size);
  }
  const double as_good = shared ? kAsGoodShared : kAsGood;
  int best = 1;
  for (const BatchCost& cost : costs_) {  // ends with the smallest
    if (cost.batch_size <= limit && cost.cost / cost.batch_size * as_good <= least) {
      best = cost.batch_size;
    }
  }
  return best;
}

int CostModel::LargestBatchSize(int images) const {
  for (const BatchCost& cost : costs_) {
    if (cost.batch_size <= images) return cost.batch_size;
  }
  return images;
}

void CostModel::Observe(int batch_size, absl::Duration took) {
  const auto observed =
      std::find_if(costs_.begin(), costs_.end(),
                   [batch_size](const BatchCost& cost) { return cost.batch_size == batch_size; });
  if (observed == costs_.end()) return;
  observed->cost = FollowCost(observed->cost, took);
  const double slowdown =
      absl::FDivDuration(observed->cost, measured_[observed - costs_.begin()].cost);
  for (size_t i = 0; i < costs_.size(); ++i) {
    if (costs_[i].batch_size == batch_size) continue;
    costs_[i].cost += (measured_[i].cost * slowdown - costs_[i].cost) * kProportion;
  }
}

}  // namespace siskin::batching
