// Triton's dynamic_batching.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/repository/batching_blocks.h"

namespace siskin::repository {
namespace {

using v1::BatchingConfig;
using v1::DynamicBatching;
using v1::ModelConfig;
using v1::QueuePolicy;

constexpr double kLongestTimeout = 3600e6;  // microseconds

absl::Status ReadQueuePolicy(const FieldReader& reader, const QueuePolicy& config,
                             batching::LevelPolicy& policy) {
  std::optional<int64_t> timeout;
  std::optional<int> size;
  SISKIN_RETURN_IF_ERROR(reader.Number(QueuePolicy::kDefaultTimeoutMicrosecondsFieldNumber, true,
                                       static_cast<double>(config.default_timeout_microseconds()),
                                       0, kLongestTimeout, timeout));
  SISKIN_RETURN_IF_ERROR(reader.Number(QueuePolicy::kMaxQueueSizeFieldNumber, true,
                                       config.max_queue_size(), 0, kMostQueuedImages, size));
  if (!QueuePolicy::TimeoutAction_IsValid(config.timeout_action())) {
    return reader.Fault(
        QueuePolicy::kTimeoutActionFieldNumber,
        absl::StrCat("is ", static_cast<int>(config.timeout_action()), ", which has no meaning"));
  }
  policy.timeout_action = config.timeout_action() == QueuePolicy::DELAY
                              ? batching::TimeoutAction::kDelay
                              : batching::TimeoutAction::kReject;
  if (*timeout > 0) policy.default_timeout = absl::Microseconds(*timeout);
  policy.allow_timeout_override = config.allow_timeout_override();
  policy.max_queue_size = *size;
  return absl::OkStatus();
}

absl::Status ReadLevels(const FieldReader& reader, const DynamicBatching& config,
                        batching::Priorities& priorities) {
  std::optional<int> levels;
  SISKIN_RETURN_IF_ERROR(reader.Number(DynamicBatching::kPriorityLevelsFieldNumber, true,
                                       static_cast<double>(config.priority_levels()), 0,
                                       batching::kMaxPriorityLevels, levels));
  const uint64_t lowest = config.priority_levels();
  const auto of_levels = [&](uint64_t level) {
    return lowest == 0 ? absl::StrCat("is ", level, "; it needs priority_levels")
                       : absl::StrCat("is ", level, "; expected 1 to ", lowest);
  };
  const uint64_t by_default = config.default_priority_level();
  if (by_default > lowest || (by_default == 0 && lowest > 0)) {
    return reader.Fault(DynamicBatching::kDefaultPriorityLevelFieldNumber, of_levels(by_default));
  }
  batching::LevelPolicy policy;
  SISKIN_RETURN_IF_ERROR(
      ReadQueuePolicy(reader.Nested(DynamicBatching::kDefaultQueuePolicyFieldNumber),
                      config.default_queue_policy(), policy));
  priorities.levels.assign(std::max(*levels, 1), policy);
  priorities.default_level = std::max(static_cast<int>(by_default), 1);
  const FieldReader values = reader.MapValues(DynamicBatching::kPriorityQueuePolicyFieldNumber);
  for (const auto& [level, own] : config.priority_queue_policy()) {
    if (level < 1 || level > lowest) {
      return reader.Fault(DynamicBatching::kPriorityQueuePolicyFieldNumber, of_levels(level));
    }
    priorities.levels[level - 1] = {};
    SISKIN_RETURN_IF_ERROR(ReadQueuePolicy(values, own, priorities.levels[level - 1]));
  }
  return absl::OkStatus();
}

// As in Triton: what changes the order does not go with keeping it.
absl::Status CheckOrdering(const FieldReader& reader, const batching::Priorities& priorities) {
  const auto conflicts = [](const batching::LevelPolicy& policy) {
    return policy.timeout_action == batching::TimeoutAction::kDelay &&
           policy.default_timeout != absl::InfiniteDuration();
  };
  const auto& levels = priorities.levels;
  if (levels.size() > 1) {
    return reader.Fault(DynamicBatching::kPreserveOrderingFieldNumber,
                        "does not go with several priority_levels; leave one of them out");
  }
  if (std::any_of(levels.begin(), levels.end(), conflicts)) {
    return reader.Fault(DynamicBatching::kPreserveOrderingFieldNumber,
                        "does not go with timeout_action: DELAY; leave one of them out");
  }
  return absl::OkStatus();
}

// The images that the levels may hold together.
int CapacityOf(const batching::Priorities& priorities) {
  int64_t sum = 0;
  for (const batching::LevelPolicy& level : priorities.levels) {
    if (level.max_queue_size == 0) return kMostQueuedImages;
    sum += level.max_queue_size;
  }
  return static_cast<int>(std::min<int64_t>(sum, kMostQueuedImages));
}

}  // namespace

absl::Status ReadDynamicBatching(const FieldReader& root, const ModelConfig& config,
                                 batching::QueueSettings& queue) {
  const FieldReader batching = root.Nested(ModelConfig::kBatchingFieldNumber);
  const FieldReader reader = root.Nested(ModelConfig::kDynamicBatchingFieldNumber);
  const DynamicBatching& block = config.dynamic_batching();
  SISKIN_RETURN_IF_ERROR(CheckNoPolicy(batching, config.batching(), "dynamic_batching"));
  UseForeignRules(queue);
  std::optional<int> delay;
  SISKIN_RETURN_IF_ERROR(reader.Number(DynamicBatching::kMaxQueueDelayMicrosecondsFieldNumber, true,
                                       static_cast<double>(block.max_queue_delay_microseconds()), 0,
                                       kLongestDelay, delay));
  queue.max_delay = absl::Microseconds(*delay);
  std::vector<int>& preferred = queue.preferred_batch_sizes;
  preferred.assign(block.preferred_batch_size().begin(), block.preferred_batch_size().end());
  std::sort(preferred.begin(), preferred.end());
  preferred.erase(std::unique(preferred.begin(), preferred.end()), preferred.end());
  SISKIN_RETURN_IF_ERROR(ReadLevels(reader, block, *queue.priorities));
  const auto& levels = queue.priorities->levels;
  const bool sized = std::any_of(levels.begin(), levels.end(),
                                 [](const auto& level) { return level.max_queue_size > 0; });
  SISKIN_RETURN_IF_ERROR(CheckNotTwice(batching, BatchingConfig::kQueueCapacityFieldNumber,
                                       sized && queue.capacity.has_value(), "max_queue_size"));
  queue.capacity = queue.capacity.value_or(CapacityOf(*queue.priorities));
  queue.in_order = block.preserve_ordering();
  return queue.in_order ? CheckOrdering(reader, *queue.priorities) : absl::OkStatus();
}

}  // namespace siskin::repository
