#include "tests/simulation/guarantees.h"

#include <algorithm>

namespace siskin::simulation {
namespace {

// Predictions are rounded to a quarter of a nanosecond, several times.
constexpr Nanoseconds kRounding = 10;

Nanoseconds LongestPreparation(const Scenario& scenario, int model) {
  Nanoseconds longest = 0;
  for (const Arrival& arrival : scenario.arrivals) {
    if (arrival.model == model) longest = std::max(longest, arrival.prepare);
  }
  return longest;
}

}  // namespace

Guarantees::Guarantees(const Scenario& scenario) : lanes_(scenario.lanes), start_(scenario.exact) {
  if (!start_) return;
  for (size_t i = 0; i < scenario.models.size(); ++i) {
    const Model& model = scenario.models[i];
    const int limit = model.queue.limits.max_batch_size;
    const Nanoseconds prepare = LongestPreparation(scenario, static_cast<int>(i));
    Bounds bounds = {.weight = model.queue.weight};
    for (const batching::BatchCost& cost : model.truth.Costs()) {
      if (cost.batch_size > limit) break;
      const Nanoseconds batch = absl::ToInt64Nanoseconds(cost.cost);
      bounds.per_image = std::max(bounds.per_image, batch / cost.batch_size + 1);
      bounds.largest_batch = std::max(bounds.largest_batch, batch + cost.batch_size * prepare);
    }
    models_.push_back(bounds);
    start_ = start_ && model.queue.limits.automatic();
    const int best = model.queue.costs.BestBatchSize(limit);
    allowed_miss_ = best == 1 ? kRounding : model.truth.Mean(best) + best * prepare;
  }
}

Nanoseconds Guarantees::MostCost(int model, Nanoseconds prepare) const {
  return models_[model].per_image + prepare;
}

Nanoseconds Guarantees::LatestStart(int model, Nanoseconds now, Nanoseconds running,
                                    Nanoseconds ahead) const {
  const Bounds& own = models_[model];
  double work = static_cast<double>(running + ahead);
  for (size_t i = 0; i < models_.size(); ++i) {
    if (static_cast<int>(i) == model) continue;
    const Bounds& other = models_[i];
    work += other.weight / own.weight * static_cast<double>(ahead + own.largest_batch) +
            static_cast<double>(other.largest_batch);
  }
  return now + static_cast<Nanoseconds>(work / lanes_) + kRounding;
}

}  // namespace siskin::simulation
