#include "server/rpc/model_tensors.h"

#include <functional>
#include <numeric>

#include "models/face_decoder.h"

namespace siskin::rpc {

size_t OutputTensor::elements() const {
  return static_cast<size_t>(
      std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>()));
}

std::vector<OutputTensor> OutputsOf(const engine::LoadedModel& model) {
  using Kind = OutputTensor::Kind;
  const int64_t outputs = model.outputs();
  switch (model.spec().output) {
    case models::OutputKind::kClassification:
      return {{.name = "logits", .shape = {outputs}, .kind = Kind::kLogits},
              {.name = "probabilities", .shape = {outputs}, .kind = Kind::kProbabilities}};
    case models::OutputKind::kFaceDetection:
      break;
  }
  const int64_t anchors = outputs / (1 + models::kBoxNumbers);
  return {{.name = "scores", .shape = {anchors, 1}},
          {.name = "boxes",
           .shape = {anchors, models::kBoxNumbers},
           .offset = static_cast<size_t>(anchors)}};
}

}  // namespace siskin::rpc
