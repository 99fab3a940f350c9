#include "server/repository/batching_config.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "server/repository/model_config_choices.h"

namespace siskin::repository {
namespace {

using v1::BatchingConfig;
using v1::BatchingParameters;
using v1::DynamicBatching;
using v1::ModelConfig;
using v1::QueuePolicy;

constexpr int kMostImages = 65536;     // of a queue
constexpr double kLongestDelay = 1e6;  // microseconds, as for the two below
constexpr double kLongestTarget = 60e6;
constexpr double kLongestTimeout = 3600e6;

// What the auto policy has no use for would be ignored, which nobody means.
absl::Status CheckPolicy(const FieldReader& reader, const batching::QueueSettings& queue) {
  if (queue.policy != batching::BatchPolicy::kAuto) return absl::OkStatus();
  if (queue.max_delay > absl::ZeroDuration()) {
    return reader.Fault(BatchingConfig::kMaxDelayMicrosecondsFieldNumber,
                        "needs policy: BATCH_POLICY_FIXED");
  }
  if (!queue.preferred_batch_sizes.empty()) {
    return reader.Fault(BatchingConfig::kPreferredBatchSizeFieldNumber,
                        "needs policy: BATCH_POLICY_FIXED");
  }
  return absl::OkStatus();
}

absl::Status ReadBatching(const FieldReader& reader, const BatchingConfig& config,
                          batching::QueueSettings& queue) {
  std::optional<int> delay_microseconds;
  std::optional<int> target_microseconds;
  if (config.has_max_batch_size()) {
    if (auto valid = batching::CheckBatchSize(config.max_batch_size()); !valid.ok()) {
      return reader.Fault(BatchingConfig::kMaxBatchSizeFieldNumber,
                          absl::StrCat("is out of range: ", valid.message()));
    }
    queue.max_batch_size = static_cast<int>(config.max_batch_size());
  }
  SISKIN_RETURN_IF_ERROR(reader.Number(
      BatchingConfig::kMaxDelayMicrosecondsFieldNumber, config.has_max_delay_microseconds(),
      config.max_delay_microseconds(), 0, kLongestDelay, delay_microseconds));
  if (delay_microseconds.has_value()) queue.max_delay = absl::Microseconds(*delay_microseconds);
  SISKIN_RETURN_IF_ERROR(reader.Number(BatchingConfig::kQueueCapacityFieldNumber,
                                       config.has_queue_capacity(), config.queue_capacity(), 1,
                                       kMostImages, queue.capacity));
  SISKIN_RETURN_IF_ERROR(reader.Number(BatchingConfig::kWeightFieldNumber, config.has_weight(),
                                       config.weight(), 0.001, 1000, queue.weight));
  SISKIN_RETURN_IF_ERROR(reader.Number(
      BatchingConfig::kTargetDelayMicrosecondsFieldNumber, config.has_target_delay_microseconds(),
      config.target_delay_microseconds(), 1, kLongestTarget, target_microseconds));
  if (target_microseconds.has_value()) {
    queue.target_delay = absl::Microseconds(*target_microseconds);
  }
  SISKIN_RETURN_IF_ERROR(reader.Choice(BatchingConfig::kPolicyFieldNumber, config.policy(),
                                       kBatchPolicies, queue.policy));
  queue.preferred_batch_sizes.assign(config.preferred_batch_size().begin(),
                                     config.preferred_batch_size().end());
  return CheckPolicy(reader, queue);
}

// A setting of `batching` that `block` states, too.
absl::Status CheckNotTwice(const FieldReader& batching, int number, bool twice,
                           const std::string& block) {
  if (!twice) return absl::OkStatus();
  return batching.Fault(number, absl::StrCat("is said by ", block, ", too; keep one of them"));
}

// The policy, which both of the other blocks state.
absl::Status CheckNoPolicy(const FieldReader& batching, const BatchingConfig& config,
                           const std::string& block) {
  SISKIN_RETURN_IF_ERROR(CheckNotTwice(batching, BatchingConfig::kPolicyFieldNumber,
                                       config.policy() != v1::BATCH_POLICY_UNSPECIFIED, block));
  SISKIN_RETURN_IF_ERROR(CheckNotTwice(batching, BatchingConfig::kMaxDelayMicrosecondsFieldNumber,
                                       config.has_max_delay_microseconds(), block));
  return CheckNotTwice(batching, BatchingConfig::kPreferredBatchSizeFieldNumber,
                       config.preferred_batch_size_size() > 0, block);
}

// What both of the other servers have in common.
void UseForeignRules(batching::QueueSettings& queue) {
  queue.policy = batching::BatchPolicy::kFixed;
  queue.priorities.emplace();
  if (!queue.target_delay.has_value()) queue.target_delay = absl::InfiniteDuration();
}

absl::Status ReadQueuePolicy(const FieldReader& reader, const QueuePolicy& config,
                             batching::LevelPolicy& policy) {
  std::optional<int64_t> timeout;
  std::optional<int> size;
  SISKIN_RETURN_IF_ERROR(reader.Number(QueuePolicy::kDefaultTimeoutMicrosecondsFieldNumber, true,
                                       static_cast<double>(config.default_timeout_microseconds()),
                                       0, kLongestTimeout, timeout));
  SISKIN_RETURN_IF_ERROR(reader.Number(QueuePolicy::kMaxQueueSizeFieldNumber, true,
                                       config.max_queue_size(), 0, kMostImages, size));
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
    if (level.max_queue_size == 0) return kMostImages;
    sum += level.max_queue_size;
  }
  return static_cast<int>(std::min<int64_t>(sum, kMostImages));
}

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

// What TensorFlow Serving can do and this server cannot, or does differently.
absl::Status CheckHonoured(const FieldReader& reader, const BatchingParameters& block) {
  if (block.has_thread_pool_name()) {
    return reader.Fault(BatchingParameters::kThreadPoolNameFieldNumber,
                        "cannot be honoured: the lanes serve all models; leave it out");
  }
  if (block.pad_variable_length_inputs()) {
    return reader.Fault(BatchingParameters::kPadVariableLengthInputsFieldNumber,
                        "cannot be honoured: all inputs of a model have one size; leave it out");
  }
  if (block.has_enable_large_batch_splitting() && !block.enable_large_batch_splitting().value()) {
    return reader.Fault(BatchingParameters::kEnableLargeBatchSplittingFieldNumber,
                        "cannot be honoured: requests are always split into images; leave it out");
  }
  return absl::OkStatus();
}

absl::Status ReadLargestBatch(const FieldReader& reader, const BatchingParameters& block,
                              batching::QueueSettings& queue) {
  constexpr double kMostOfARequest = 1e6;
  const bool executes = block.has_max_execution_batch_size();
  std::optional<int> largest;
  SISKIN_RETURN_IF_ERROR(
      reader.Number(BatchingParameters::kMaxBatchSizeFieldNumber, block.has_max_batch_size(),
                    static_cast<double>(block.max_batch_size().value()), 1,
                    executes ? kMostOfARequest : batching::kMaxBatchSize, largest));
  if (executes) {
    if (!block.enable_large_batch_splitting().value()) {
      return reader.Fault(BatchingParameters::kMaxExecutionBatchSizeFieldNumber,
                          "needs enable_large_batch_splitting { value: true }");
    }
    SISKIN_RETURN_IF_ERROR(reader.Number(
        BatchingParameters::kMaxExecutionBatchSizeFieldNumber, true,
        static_cast<double>(block.max_execution_batch_size().value()), 1,
        std::min(largest.value_or(batching::kMaxBatchSize), batching::kMaxBatchSize), largest));
  }
  if (largest.has_value()) queue.max_batch_size = largest;
  return absl::OkStatus();
}

// They are where batches may end in TensorFlow Serving; here any size is one of them.
absl::Status CheckAllowedSizes(const FieldReader& reader, const BatchingParameters& block,
                               int largest) {
  const auto& sizes = block.allowed_batch_sizes();
  if (sizes.empty()) return absl::OkStatus();
  const bool ascend =
      std::adjacent_find(sizes.begin(), sizes.end(), std::greater_equal<>()) == sizes.end();
  if (ascend && sizes[0] >= 1 && sizes[sizes.size() - 1] == largest) return absl::OkStatus();
  return reader.Fault(BatchingParameters::kAllowedBatchSizesFieldNumber,
                      absl::StrCat("is ", absl::StrJoin(sizes, ", "),
                                   "; expected sizes that ascend to the largest batch, ", largest));
}

absl::Status ReadBatchingParameters(const FieldReader& root, const ModelConfig& config,
                                    batching::QueueSettings& queue) {
  const std::string name = "batching_parameters";
  const FieldReader batching = root.Nested(ModelConfig::kBatchingFieldNumber);
  const FieldReader reader = root.Nested(ModelConfig::kBatchingParametersFieldNumber);
  const BatchingParameters& block = config.batching_parameters();
  SISKIN_RETURN_IF_ERROR(CheckNoPolicy(batching, config.batching(), name));
  SISKIN_RETURN_IF_ERROR(
      CheckNotTwice(batching, BatchingConfig::kMaxBatchSizeFieldNumber,
                    queue.max_batch_size.has_value() &&
                        (block.has_max_batch_size() || block.has_max_execution_batch_size()),
                    name));
  SISKIN_RETURN_IF_ERROR(
      CheckNotTwice(batching, BatchingConfig::kQueueCapacityFieldNumber,
                    queue.capacity.has_value() && block.has_max_enqueued_batches(), name));
  SISKIN_RETURN_IF_ERROR(CheckHonoured(reader, block));
  UseForeignRules(queue);
  std::optional<int> delay;
  std::optional<int64_t> batches;
  SISKIN_RETURN_IF_ERROR(reader.Number(
      BatchingParameters::kBatchTimeoutMicrosFieldNumber, block.has_batch_timeout_micros(),
      static_cast<double>(block.batch_timeout_micros().value()), 0, kLongestDelay, delay));
  SISKIN_RETURN_IF_ERROR(reader.Number(
      BatchingParameters::kMaxEnqueuedBatchesFieldNumber, block.has_max_enqueued_batches(),
      static_cast<double>(block.max_enqueued_batches().value()), 1, 1e9, batches));
  SISKIN_RETURN_IF_ERROR(reader.Number(
      BatchingParameters::kNumBatchThreadsFieldNumber, block.has_num_batch_threads(),
      static_cast<double>(block.num_batch_threads().value()), 1, 1024, queue.num_batch_threads));
  queue.max_delay = absl::Microseconds(delay.value_or(0));
  SISKIN_RETURN_IF_ERROR(ReadLargestBatch(reader, block, queue));
  const int largest = batching::Resolve(queue, {}).limits.max_batch_size;
  if (batches.has_value()) {
    queue.capacity = static_cast<int>(std::min<int64_t>(*batches * largest, kMostImages));
  }
  return CheckAllowedSizes(reader, block, largest);
}

// What the fields of all blocks come to.
absl::Status CheckQueue(const FieldReader& reader, const ModelConfig& config,
                        const batching::QueueSettings& queue) {
  const FieldReader batching = reader.Nested(ModelConfig::kBatchingFieldNumber);
  const batching::QueueOptions options = batching::Resolve(queue, {});
  if (const auto valid = batching::CheckLimits(options.limits); !valid.ok()) {
    const std::string what = absl::StrCat("is out of range: ", valid.message());
    return config.has_dynamic_batching()
               ? reader.Nested(ModelConfig::kDynamicBatchingFieldNumber)
                     .Fault(DynamicBatching::kPreferredBatchSizeFieldNumber, what)
               : batching.Fault(BatchingConfig::kPreferredBatchSizeFieldNumber, what);
  }
  // A smaller queue than a batch is allowed in Triton.
  if (options.capacity < options.limits.max_batch_size && !options.priorities.has_value()) {
    return batching.Fault(BatchingConfig::kQueueCapacityFieldNumber,
                          absl::StrCat("is ", options.capacity, ", less than a batch of ",
                                       options.limits.max_batch_size));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadBatchingBlocks(const FieldReader& reader, const ModelConfig& config,
                                batching::QueueSettings& queue) {
  SISKIN_RETURN_IF_ERROR(
      ReadBatching(reader.Nested(ModelConfig::kBatchingFieldNumber), config.batching(), queue));
  if (config.has_dynamic_batching() && config.has_batching_parameters()) {
    return reader.Fault(ModelConfig::kBatchingParametersFieldNumber,
                        "stands beside dynamic_batching; keep one of them");
  }
  if (config.has_dynamic_batching()) {
    SISKIN_RETURN_IF_ERROR(ReadDynamicBatching(reader, config, queue));
  }
  if (config.has_batching_parameters()) {
    SISKIN_RETURN_IF_ERROR(ReadBatchingParameters(reader, config, queue));
  }
  return CheckQueue(reader, config, queue);
}

}  // namespace siskin::repository
