// TensorFlow Serving's batching_parameters.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "server/repository/batching_blocks.h"

namespace siskin::repository {
namespace {

using v1::BatchingConfig;
using v1::BatchingParameters;
using v1::ModelConfig;

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

// What `batching` states, too.
absl::Status CheckNothingTwice(const FieldReader& root, const ModelConfig& config) {
  const std::string name = "batching_parameters";
  const FieldReader batching = root.Nested(ModelConfig::kBatchingFieldNumber);
  const BatchingConfig& own = config.batching();
  const BatchingParameters& block = config.batching_parameters();
  SISKIN_RETURN_IF_ERROR(CheckNoPolicy(batching, own, name));
  const bool sized = block.has_max_batch_size() || block.has_max_execution_batch_size();
  SISKIN_RETURN_IF_ERROR(CheckNotTwice(batching, BatchingConfig::kMaxBatchSizeFieldNumber,
                                       own.has_max_batch_size() && sized, name));
  return CheckNotTwice(batching, BatchingConfig::kQueueCapacityFieldNumber,
                       own.has_queue_capacity() && block.has_max_enqueued_batches(), name);
}

// The timeout and the threads.
absl::Status ReadLanes(const FieldReader& reader, const BatchingParameters& block,
                       batching::QueueSettings& queue) {
  std::optional<int> delay;
  SISKIN_RETURN_IF_ERROR(reader.Number(
      BatchingParameters::kBatchTimeoutMicrosFieldNumber, block.has_batch_timeout_micros(),
      static_cast<double>(block.batch_timeout_micros().value()), 0, kLongestDelay, delay));
  queue.max_delay = absl::Microseconds(delay.value_or(0));
  return reader.Number(
      BatchingParameters::kNumBatchThreadsFieldNumber, block.has_num_batch_threads(),
      static_cast<double>(block.num_batch_threads().value()), 1, 1024, queue.num_batch_threads);
}

// REQUIRES: the largest batch is known.
absl::Status ReadCapacity(const FieldReader& reader, const BatchingParameters& block, int largest,
                          batching::QueueSettings& queue) {
  constexpr double kMostBatches = 1e9;
  std::optional<int64_t> batches;
  SISKIN_RETURN_IF_ERROR(reader.Number(
      BatchingParameters::kMaxEnqueuedBatchesFieldNumber, block.has_max_enqueued_batches(),
      static_cast<double>(block.max_enqueued_batches().value()), 1, kMostBatches, batches));
  if (!batches.has_value()) return absl::OkStatus();
  queue.capacity = static_cast<int>(std::min<int64_t>(*batches * largest, kMostQueuedImages));
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadBatchingParameters(const FieldReader& root, const ModelConfig& config,
                                    batching::QueueSettings& queue) {
  const FieldReader reader = root.Nested(ModelConfig::kBatchingParametersFieldNumber);
  const BatchingParameters& block = config.batching_parameters();
  SISKIN_RETURN_IF_ERROR(CheckNothingTwice(root, config));
  SISKIN_RETURN_IF_ERROR(CheckHonoured(reader, block));
  UseForeignRules(queue);
  SISKIN_RETURN_IF_ERROR(ReadLanes(reader, block, queue));
  SISKIN_RETURN_IF_ERROR(ReadLargestBatch(reader, block, queue));
  const int largest = batching::Resolve(queue, {}).limits.max_batch_size;
  SISKIN_RETURN_IF_ERROR(ReadCapacity(reader, block, largest, queue));
  return CheckAllowedSizes(reader, block, largest);
}

}  // namespace siskin::repository
