#include "server/batching/batch_policy.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace siskin::batching {
namespace {

BatchDecision DecideFixed(const QueueView& queue, MonotonicTime now) {
  const BatchLimits& limits = *queue.limits;
  const absl::Duration delay = *limits.max_delay;
  const MonotonicTime due = queue.oldest_enqueued + delay;
  const bool over = due <= now;
  if (!queue.draining && (!over || delay == absl::ZeroDuration())) {
    const int preferred = PreferredBatchSize(limits.preferred_batch_sizes, queue.size);
    if (preferred > 0) return Dispatch{preferred, CloseReason::kFull};
  }
  if (queue.size >= limits.max_batch_size) {
    return Dispatch{limits.max_batch_size, CloseReason::kFull};
  }
  if (queue.draining) return Dispatch{queue.size, CloseReason::kDraining};
  if (over) return Dispatch{queue.size, CloseReason::kDelay};
  if (queue.earliest_deadline <= due) return Dispatch{queue.size, CloseReason::kDeadline};
  return WaitUntil{due};
}

int LanesFreeWithin(absl::Duration time, absl::Span<const absl::Duration> free_in) {
  const auto lanes = std::count_if(free_in.begin(), free_in.end(),
                                   [time](absl::Duration busy) { return busy <= time; });
  return std::max(static_cast<int>(lanes), 1);
}

Dispatch DecideAuto(const QueueView& queue, absl::Span<const absl::Duration> free_in,
                    MonotonicTime now) {
  const CostModel& costs = *queue.costs;
  const int best = costs.BestBatchSize(queue.limits->max_batch_size, queue.shared);
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

absl::Status CheckLimits(const BatchLimits& limits) {
  if (absl::Status status = CheckBatchSize(limits.max_batch_size); !status.ok()) return status;
  const absl::Duration delay = limits.max_delay.value_or(absl::ZeroDuration());
  if (delay < absl::ZeroDuration() || delay == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected a max_delay of zero or more, and finite; got ", absl::FormatDuration(delay)));
  }
  const std::vector<int>& preferred = limits.preferred_batch_sizes;
  if (preferred.empty()) return absl::OkStatus();
  if (limits.automatic()) {
    return absl::InvalidArgumentError("preferred batch sizes need the fixed policy, got auto");
  }
  const bool ascend = std::adjacent_find(preferred.begin(), preferred.end(),
                                         std::greater_equal<>()) == preferred.end();
  if (ascend && preferred.front() >= 1 && preferred.back() <= limits.max_batch_size) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("expected preferred batch sizes that ascend, from 1 to the largest batch of ",
                   limits.max_batch_size, "; got ", absl::StrJoin(preferred, ", ")));
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

int PreferredBatchSize(absl::Span<const int> preferred, int size) {
  const auto above = std::upper_bound(preferred.begin(), preferred.end(), size);
  return above == preferred.begin() ? 0 : *std::prev(above);
}

BatchDecision DecideBatch(const QueueView& queue, absl::Span<const absl::Duration> free_in,
                          MonotonicTime now) {
  if (queue.limits->automatic()) return DecideAuto(queue, free_in, now);
  return DecideFixed(queue, now);
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
