#include "server/batching/forecast.h"

#include <algorithm>

namespace siskin::batching {
namespace {

// When work of `amount` has begun on lanes that are still busy for `free_in`, which is sorted: as
// if it were poured over them.
absl::Duration PourOver(absl::Span<const absl::Duration> free_in, absl::Duration amount) {
  absl::Duration level = free_in.front();
  for (size_t lanes = 1; lanes < free_in.size(); ++lanes) {
    const absl::Duration room = (free_in[lanes] - level) * static_cast<int64_t>(lanes);
    if (amount <= room) return level + amount / static_cast<int64_t>(lanes);
    amount -= room;
    level = free_in[lanes];
  }
  return level + amount / static_cast<int64_t>(free_in.size());
}

}  // namespace

absl::Duration Forecast::Wait(const WorkAhead& ahead) const {
  const absl::Duration own = ahead.tasks * costs_.CostPerImage(best_) + ahead.prepare;
  absl::Duration total = own;
  for (const Competitor& other : competitors_) {
    // Another model gets lane time by its weight meanwhile, and a batch at most out of turn.
    total += std::min(other.backlog, own * other.weight + other.batch);
  }
  return PourOver(free_in_, total);
}

absl::Duration Forecast::End(const WorkAhead& ahead) const {
  const int batch = static_cast<int>(std::min<int64_t>(best_, ahead.tasks + 1));
  return Wait(ahead) + ahead.prepare_batch + costs_.Cost(batch);
}

Outcome Forecast::OutcomeOf(Tasks arriving, Tasks waiting, size_t position,
                            MonotonicTime now) const {
  const size_t count = arriving.size();
  const auto at = [&](size_t i) -> const Task& {
    if (i < position) return *waiting[i];
    return i < position + count ? *arriving[i - position] : *waiting[i - count];
  };
  const auto best = static_cast<size_t>(best_);
  absl::Duration added;
  for (const std::unique_ptr<Task>& task : arriving) added += task->prepare_cost();
  Outcome outcome;
  WorkAhead ahead;
  for (size_t i = 0; i < waiting.size() + count; ++i) {
    const Task& task = at(i);
    ahead.tasks = static_cast<int64_t>(i);
    ahead.prepare_batch += task.prepare_cost();
    if (i >= best) ahead.prepare_batch -= at(i - best).prepare_cost();
    if (i == position + count - 1) {  // the last that arrives
      outcome.wait = Wait(ahead);
      outcome.late = now + End(ahead) - task.deadline();
    } else if (i >= position + count && task.deadline() != MonotonicTime::InfiniteFuture()) {
      const absl::Duration late = now + End(ahead) - task.deadline();
      const WorkAhead without = {ahead.tasks - static_cast<int64_t>(count), ahead.prepare - added,
                                 ahead.prepare_batch};
      // What is late anyway must not keep others out, nor what is of a lower level.
      if (late > outcome.others_late && !task.cancelled() &&
          task.level() == arriving.front()->level() && !task.delayed() &&
          now + End(without) <= task.deadline()) {
        outcome.others_late = late;
      }
    }
    ahead.prepare += task.prepare_cost();
  }
  return outcome;
}

}  // namespace siskin::batching
