// The tensors of a model as the Open Inference Protocol shows them.
#ifndef SISKIN_SERVER_RPC_MODEL_TENSORS_H_
#define SISKIN_SERVER_RPC_MODEL_TENSORS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "server/engine/loaded_model.h"

namespace siskin::rpc {

inline constexpr char kInputName[] = "input";  // the only input of every model

struct OutputTensor {
  enum class Kind {
    kLogits,         // one a class
    kProbabilities,  // softmax of the logits
    kRaw,            // values without classes
  };
  std::string name;
  std::vector<int64_t> shape;  // for one image
  Kind kind = Kind::kRaw;
  size_t offset = 0;  // of its first value among those of the network

  size_t elements() const;
};

// In the order of ModelMetadata: "logits" and "probabilities" [classes] of a classifier; "scores"
// [anchors, 1] and "boxes" [anchors, 16] of a face detector, raw (see models/face_decoder.h).
std::vector<OutputTensor> OutputsOf(const engine::LoadedModel& model);

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_MODEL_TENSORS_H_
