// What of a model's statements the loader would not find out by itself.
#ifndef SISKIN_SERVER_PULL_STATED_DIFFERENCES_H_
#define SISKIN_SERVER_PULL_STATED_DIFFERENCES_H_

#include "absl/status/statusor.h"
#include "models/model_loader.h"
#include "ops/checkpoint.h"

namespace siskin::pull {

// The shortest request that loads `checkpoint` as `stated` does: the architecture, and each field
// that differs from what the weights and their publisher's conventions give. Errors are those of
// LoadModel.
absl::StatusOr<models::LoadRequest> StatedDifferences(const ops::Checkpoint& checkpoint,
                                                      const models::LoadRequest& stated);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_STATED_DIFFERENCES_H_
