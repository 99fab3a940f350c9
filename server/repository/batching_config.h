// The blocks of siskin.v1.ModelConfig that say how a model is queued and batched: ours, Triton's
// and TensorFlow Serving's. Part of model_config.h.
#ifndef SISKIN_SERVER_REPOSITORY_BATCHING_CONFIG_H_
#define SISKIN_SERVER_REPOSITORY_BATCHING_CONFIG_H_

#include "absl/status/status.h"
#include "server/batching/queue_settings.h"
#include "server/repository/field_reader.h"
#include "siskin/v1/model_config.pb.h"

namespace siskin::repository {

// `reader` is that of `config`. INVALID_ARGUMENT also for what two blocks state, and for what
// cannot be done here, with what to do instead.
absl::Status ReadBatchingBlocks(const FieldReader& reader, const v1::ModelConfig& config,
                                batching::QueueSettings& queue);

}  // namespace siskin::repository

#endif  // SISKIN_SERVER_REPOSITORY_BATCHING_CONFIG_H_
