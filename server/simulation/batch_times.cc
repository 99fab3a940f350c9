#include "server/simulation/batch_times.h"

#include <algorithm>
#include <utility>

namespace siskin::simulation {
namespace {

std::vector<MeasuredPlan> SingleRuns(const std::vector<batching::BatchCost>& costs) {
  std::vector<MeasuredPlan> plans;
  plans.reserve(costs.size());
  for (const batching::BatchCost& cost : costs) plans.push_back({cost.batch_size, {cost.cost}});
  return plans;
}

}  // namespace

BatchTimes::BatchTimes(std::vector<MeasuredPlan> plans) : plans_(std::move(plans)) {
  std::sort(plans_.begin(), plans_.end(), [](const MeasuredPlan& a, const MeasuredPlan& b) {
    return a.batch_size < b.batch_size;
  });
  for (MeasuredPlan& plan : plans_) std::sort(plan.runs.begin(), plan.runs.end());
}

BatchTimes::BatchTimes(const std::vector<batching::BatchCost>& costs)
    : BatchTimes(SingleRuns(costs)) {}

std::vector<batching::BatchCost> BatchTimes::Costs() const {
  std::vector<batching::BatchCost> costs;
  for (const MeasuredPlan& plan : plans_) {
    costs.push_back({plan.batch_size, plan.runs[plan.runs.size() / 2]});
  }
  return costs;
}

int BatchTimes::PlanFor(int images) const {
  int size = 1;
  for (const MeasuredPlan& plan : plans_) {
    if (plan.batch_size <= images) size = plan.batch_size;
  }
  return size;
}

const MeasuredPlan& BatchTimes::Find(int batch_size) const {
  return *std::find_if(plans_.begin(), plans_.end(), [batch_size](const MeasuredPlan& plan) {
    return plan.batch_size == batch_size;
  });
}

Nanoseconds BatchTimes::Mean(int batch_size) const {
  const std::vector<absl::Duration>& runs = Find(batch_size).runs;
  absl::Duration sum;
  for (const absl::Duration run : runs) sum += run;
  return absl::ToInt64Nanoseconds(sum / static_cast<int64_t>(runs.size()));
}

Nanoseconds BatchTimes::Draw(int batch_size, Random& random) const {
  const std::vector<absl::Duration>& runs = Find(batch_size).runs;
  // One that never differs leaves the other draws of a seed as they are.
  const int run = runs.size() == 1 ? 0 : random.Below(static_cast<int>(runs.size()));
  return absl::ToInt64Nanoseconds(runs[run]);
}

double BatchTimes::Rate(int limit) const {
  double best = 0;
  for (const MeasuredPlan& plan : plans_) {
    if (plan.batch_size > limit) continue;
    best = std::max(best, plan.batch_size / static_cast<double>(Mean(plan.batch_size)));
  }
  return best;
}

}  // namespace siskin::simulation
