// Which networks a checkpoint could be: what the user and the metadata state, times what is
// published. Part of LoadModel (model_loader.h).
#ifndef SISKIN_MODELS_LOAD_CANDIDATES_H_
#define SISKIN_MODELS_LOAD_CANDIDATES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "models/catalog.h"
#include "models/checkpoint_metadata.h"
#include "models/model_loader.h"
#include "models/model_spec.h"
#include "ops/checkpoint.h"

namespace siskin::models {

// The network by its names: the request's architecture, the metadata's, the folder's. The first one
// decides the architecture; a later one may add which variant of it. INVALID_ARGUMENT lists the
// known names, or says that dilation patterns are stated for a network without any.
absl::StatusOr<CatalogMatch> Identify(const LoadRequest& request,
                                      const CheckpointMetadata& metadata);

// What is known before a tensor is looked at. Borrows.
struct LoadContext {
  const LoadRequest& request;
  const CheckpointMetadata& metadata;
  CatalogMatch identity;  // spec is not null
};

struct Candidate {
  const KeyStyle* style = nullptr;
  BuildOptions options;

  std::string Describe() const;  // "width 1.0, key style timm, 1000 classes"
};

// Every combination that is not ruled out by a statement, at least one. The number of classes is
// the one of the checkpoint's head if that is not stated. INVALID_ARGUMENT: an unknown key style.
absl::StatusOr<std::vector<Candidate>> LoadCandidates(const LoadContext& context,
                                                      const ops::Checkpoint& checkpoint);

// The network to take where there is no checkpoint to tell.
absl::StatusOr<Candidate> DefaultCandidate(const LoadContext& context);

}  // namespace siskin::models

#endif  // SISKIN_MODELS_LOAD_CANDIDATES_H_
