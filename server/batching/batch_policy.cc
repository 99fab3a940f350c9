#include "server/batching/batch_policy.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace siskin::batching {
namespace {

// A queue whose tasks wait for company.
BatchDecision DecideWithDelay(const QueueView& queue, MonotonicTime now) {
  const BatchLimits& limits = queue.limits;
  if (queue.size >= limits.max_batch_size) {
    return Dispatch{limits.max_batch_size, CloseReason::kFull};
  }
  if (queue.draining) return Dispatch{queue.size, CloseReason::kDraining};
  const MonotonicTime delay_over = queue.oldest_enqueued + limits.max_delay;
  if (delay_over <= now) return Dispatch{queue.size, CloseReason::kDelay};
  if (queue.earliest_deadline <= delay_over) return Dispatch{queue.size, CloseReason::kDeadline};
  return WaitUntil{delay_over};
}

int LanesFreeWithin(absl::Duration time, absl::Span<const absl::Duration> free_in) {
  const auto lanes = std::count_if(free_in.begin(), free_in.end(),
                                   [time](absl::Duration busy) { return busy <= time; });
  return std::max(static_cast<int>(lanes), 1);
}

Dispatch DecideAtOnce(const QueueView& queue, absl::Span<const absl::Duration> free_in,
                      MonotonicTime now) {
  const CostModel& costs = *queue.costs;
  const int best = costs.BestBatchSize(queue.limits.max_batch_size);
  const int lanes = LanesFreeWithin(costs.Cost(1), free_in);
  const int share = (queue.size + lanes - 1) / lanes;
  Dispatch dispatch;
  dispatch.size = costs.LargestBatchSize(std::min(share, best));
  dispatch.reason = dispatch.size == best ? CloseReason::kFull
                    : queue.draining      ? CloseReason::kDraining
                                          : CloseReason::kDelay;
  const auto end = [&] { return now + dispatch.size * queue.prepare + costs.Cost(dispatch.size); };
  while (dispatch.size > 1 && end() > queue.earliest_deadline) {
    dispatch = {costs.LargestBatchSize(dispatch.size - 1), CloseReason::kDeadline};
  }
  return dispatch;
}

}  // namespace

absl::Status CheckBatchSize(int64_t size) {
  if (size >= 1 && size <= kMaxBatchSize) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("expected a batch size of 1 to ", kMaxBatchSize, ", got ", size));
}

const char* ToString(CloseReason reason) {
  switch (reason) {
    case CloseReason::kFull:
      return "full";
    case CloseReason::kDelay:
      return "delay";
    case CloseReason::kDeadline:
      return "deadline";
    case CloseReason::kDraining:
      return "draining";
  }
  return "unknown";
}

BatchDecision DecideBatch(const QueueView& queue, absl::Span<const absl::Duration> free_in,
                          MonotonicTime now) {
  if (queue.limits.max_delay > absl::ZeroDuration()) return DecideWithDelay(queue, now);
  return DecideAtOnce(queue, free_in, now);
}

std::variant<Choice, WaitUntil> Choose(absl::Span<const QueueView> queues,
                                       absl::Span<const absl::Duration> free_in,
                                       MonotonicTime now) {
  const auto turn = [&queues](size_t i) {
    return std::make_tuple(queues[i].served, queues[i].oldest_enqueued);
  };
  std::optional<Choice> choice;
  WaitUntil wait = {MonotonicTime::InfiniteFuture()};
  for (size_t i = 0; i < queues.size(); ++i) {
    const BatchDecision decision = DecideBatch(queues[i], free_in, now);
    if (const auto* until = std::get_if<WaitUntil>(&decision)) {
      wait.time = std::min(wait.time, until->time);
    } else if (!choice.has_value() || turn(i) < turn(choice->queue)) {
      choice = Choice{i, std::get<Dispatch>(decision)};
    }
  }
  if (choice.has_value()) return *choice;
  return wait;
}

}  // namespace siskin::batching
