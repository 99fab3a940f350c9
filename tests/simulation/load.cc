#include "tests/simulation/load.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/simulation/random.h"

namespace siskin::simulation {

Model SteadyModel(Nanoseconds single, double fixed) {
  std::vector<batching::BatchCost> costs;
  for (int size = 1; size <= kMostBatch; size *= 2) {
    const double cost = static_cast<double>(single) * (fixed + (1 - fixed) * size);
    costs.push_back({size, absl::Nanoseconds(static_cast<Nanoseconds>(cost))});
  }
  Model model;
  model.queue.costs = batching::CostModel(costs);
  model.truth = BatchTimes(costs);
  return model;
}

double Capacity(const Scenario& scenario, int model) {
  const Model& it = scenario.models[model];
  return it.truth.Rate(it.queue.limits.max_batch_size) * scenario.lanes;
}

void AddLoad(Scenario& scenario, int model, double load, Nanoseconds until, Nanoseconds time_left,
             uint64_t seed) {
  Random random(seed);
  const double gap = 1 / (Capacity(scenario, model) * load);
  std::vector<Arrival>& arrivals = scenario.arrivals;
  const auto middle = static_cast<std::ptrdiff_t>(arrivals.size());
  double now = 0;
  while ((now += gap * random.Exponential()) < static_cast<double>(until)) {
    const auto time = static_cast<Nanoseconds>(now);
    const Nanoseconds deadline = time_left == kNever ? kNever : time + time_left;
    arrivals.push_back({.time = time, .model = model, .deadline = deadline});
  }
  std::inplace_merge(arrivals.begin(), arrivals.begin() + middle, arrivals.end(),
                     [](const Arrival& a, const Arrival& b) { return a.time < b.time; });
}

Answers AnswersOf(absl::Span<const TaskRecord> tasks, int first_model, int last_model,
                  const Window& window) {
  Answers answers;
  std::vector<Nanoseconds> latencies;
  for (const TaskRecord& task : tasks) {
    if (task.model < first_model || task.model > last_model) continue;
    if (task.arrived < window.from || task.arrived >= window.to) continue;
    ++answers.requests;
    if (task.state != TaskState::kCompleted) continue;
    answers.in_time += task.ended <= task.deadline;
    latencies.push_back(task.ended - task.arrived);
  }
  if (latencies.empty()) return answers;
  std::sort(latencies.begin(), latencies.end());
  answers.p50 = latencies[latencies.size() / 2];
  answers.p99 = latencies[latencies.size() * 99 / 100];
  return answers;
}

}  // namespace siskin::simulation
