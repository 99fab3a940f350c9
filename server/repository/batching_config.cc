#include "server/repository/batching_config.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/repository/batching_blocks.h"
#include "server/repository/model_config_choices.h"

namespace siskin::repository {
namespace {

using v1::BatchingConfig;
using v1::DynamicBatching;
using v1::ModelConfig;

constexpr double kLongestTarget = 60e6;  // microseconds

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
                                       kMostQueuedImages, queue.capacity));
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

absl::Status CheckNotTwice(const FieldReader& batching, int number, bool twice,
                           const std::string& block) {
  if (!twice) return absl::OkStatus();
  return batching.Fault(number, absl::StrCat("is said by ", block, ", too; keep one of them"));
}

absl::Status CheckNoPolicy(const FieldReader& batching, const BatchingConfig& config,
                           const std::string& block) {
  SISKIN_RETURN_IF_ERROR(CheckNotTwice(batching, BatchingConfig::kPolicyFieldNumber,
                                       config.policy() != v1::BATCH_POLICY_UNSPECIFIED, block));
  SISKIN_RETURN_IF_ERROR(CheckNotTwice(batching, BatchingConfig::kMaxDelayMicrosecondsFieldNumber,
                                       config.has_max_delay_microseconds(), block));
  return CheckNotTwice(batching, BatchingConfig::kPreferredBatchSizeFieldNumber,
                       config.preferred_batch_size_size() > 0, block);
}

void UseForeignRules(batching::QueueSettings& queue) {
  queue.policy = batching::BatchPolicy::kFixed;
  queue.priorities.emplace();
  if (!queue.target_delay.has_value()) queue.target_delay = absl::InfiniteDuration();
}

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
