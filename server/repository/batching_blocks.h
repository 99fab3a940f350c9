// The single blocks of batching_config.h, and what they share.
#ifndef SISKIN_SERVER_REPOSITORY_BATCHING_BLOCKS_H_
#define SISKIN_SERVER_REPOSITORY_BATCHING_BLOCKS_H_

#include <string>

#include "absl/status/status.h"
#include "server/batching/queue_settings.h"
#include "server/repository/field_reader.h"
#include "siskin/v1/model_config.pb.h"

namespace siskin::repository {

inline constexpr int kMostQueuedImages = 65536;  // of a queue
inline constexpr double kLongestDelay = 1e6;     // microseconds

// Each takes the reader of the whole config, and settings that hold what `batching` states.
absl::Status ReadDynamicBatching(const FieldReader& root, const v1::ModelConfig& config,
                                 batching::QueueSettings& queue);
absl::Status ReadBatchingParameters(const FieldReader& root, const v1::ModelConfig& config,
                                    batching::QueueSettings& queue);

// `twice`: a field of `batching` and `block` state the same.
absl::Status CheckNotTwice(const FieldReader& batching, int number, bool twice,
                           const std::string& block);
// The same for the policy, which both of the other blocks state.
absl::Status CheckNoPolicy(const FieldReader& batching, const v1::BatchingConfig& config,
                           const std::string& block);
// What both of the other servers have in common: the fixed policy, their refusals, no target delay.
void UseForeignRules(batching::QueueSettings& queue);

}  // namespace siskin::repository

#endif  // SISKIN_SERVER_REPOSITORY_BATCHING_BLOCKS_H_
