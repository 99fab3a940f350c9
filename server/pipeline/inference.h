// The path every protocol takes: resolve the model, be admitted, check the input, queue, run,
// answer.
//
// A request carries one photo or tensor of 1..max images; each image is a task of its own in the
// model's queue, so that images of all requests batch together, and the request is answered when
// the last one has ended. The first image to fail decides the answer; those that still wait then
// are not computed. Payload bytes are borrowed, not copied: the caller keeps them until `done`.
//
// Errors: those of ModelRegistry::Resolve, ProbeImage, CheckTensor, Admission and
// BatchQueue::Enqueue at once, and INVALID_ARGUMENT for a model of another kind, or without the
// features that are requested, each with its Rejection; later CANCELLED and
// DEADLINE_EXCEEDED (nothing was computed), INVALID_ARGUMENT (a photo that is damaged inside),
// UNAVAILABLE (the model is being unloaded, or a timeout of its queue has expired).
#ifndef SISKIN_SERVER_PIPELINE_INFERENCE_H_
#define SISKIN_SERVER_PIPELINE_INFERENCE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "models/model_spec.h"
#include "server/engine/inference_task.h"
#include "server/engine/model_registry.h"
#include "server/engine/observer.h"
#include "server/pipeline/admission.h"
#include "server/pipeline/deadline_margin.h"
#include "server/pipeline/image_decoder.h"
#include "server/pipeline/prepare_cost.h"
#include "server/pipeline/tensor_input.h"

namespace siskin::pipeline {

// Photos, each one compressed image file.
struct ImagesInput {
  std::vector<absl::Span<const uint8_t>> files;  // 1..max images
};

struct InferenceRequest {
  std::string_view model;                  // empty: the only one for the task
  std::string_view version;                // empty: the highest ready one
  std::optional<models::OutputKind> kind;  // that the model must have; unset: any
  engine::OutputSelector selector = engine::OutputSelector::kOutputs;
  std::variant<ImagesInput, TensorView> input;
  MonotonicTime deadline = MonotonicTime::InfiniteFuture();
  // Where the model's queue has levels and timeouts (batching/priorities.h): the level, 0 for the
  // default, and how long the images may wait. In other queues `timeout` is a deadline from now on,
  // and `priority` has no meaning.
  uint64_t priority = 0;
  absl::Duration timeout = absl::InfiniteDuration();
  std::shared_ptr<const batching::CancelFlag> cancel;  // may be null
};

struct InferenceResult {
  std::shared_ptr<const engine::Servable> servable;
  int images = 0;
  std::vector<ImageSize> sizes;  // of each photo, upright; of a tensor, zero
  std::vector<float> outputs;    // [images, values], as the request's `selector` says
  engine::TaskTiming timing;     // of several images: the longest queue and compute, summed prepare
};

class Inference {
 public:
  // All outlive the object; `observer` may be null. `max_images`: of one request.
  Inference(const engine::ModelRegistry& registry, Admission& admission, ImageLimits limits,
            int max_images, engine::BatchObserver* observer, Clock& clock = Clock::Real());

  // Calls `done` exactly once: before returning when the request is refused, else on the thread
  // that ends the last image, which is a lane as a rule, and waits for it. The Permit has been
  // given back by then. Of `request`, only the payload bytes are used after the call. Thread-safe;
  // never blocks.
  using Done = absl::AnyInvocable<void(absl::StatusOr<InferenceResult>)>;
  void Start(const InferenceRequest& request, Done done);

  // For those who set deadlines and see what becomes of answers.
  DeadlineMargin& deadline_margin() { return deadline_margin_; }

 private:
  const engine::ModelRegistry& registry_;
  Admission& admission_;
  const ImageLimits limits_;
  const int max_images_;
  engine::BatchObserver* const observer_;
  Clock& clock_;
  PrepareCost prepare_cost_;
  DeadlineMargin deadline_margin_;
};

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_INFERENCE_H_
