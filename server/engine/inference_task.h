// One image to infer: the seam between the pipeline, which knows images and RPCs, and the lanes,
// which know plans.
#ifndef SISKIN_SERVER_ENGINE_INFERENCE_TASK_H_
#define SISKIN_SERVER_ENGINE_INFERENCE_TASK_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/batching/task.h"

namespace siskin::engine {

// Where the time of one task went.
struct TaskTiming {
  absl::Duration queue;    // accepted until a lane took it
  absl::Duration prepare;  // decode, resize, normalise: this image alone
  absl::Duration compute;  // the network, for all images computed together
  int batch_size = 0;      // images computed together
};

// Which of the network's values a task is after.
enum class OutputSelector {
  kOutputs,   // the last layer's: a classifier's logits, a face detector's raw scores and boxes
  kFeatures,  // the last global pool's: a vector that describes the image
};

class InferenceTask : public batching::Task {
 public:
  using Task::Task;

  // Writes the image's input values, [channels, height, width] of the model, into `image`. Runs on
  // a lane thread. An error answers this task alone (through Fail); the rest of the batch goes on.
  virtual absl::Status Prepare(absl::Span<float> image) = 0;

  virtual OutputSelector selector() const { return OutputSelector::kOutputs; }

  // Takes the values it is after, borrowed for the call. Ends the task.
  virtual void Complete(absl::Span<const float> values, const TaskTiming& timing) = 0;
};

}  // namespace siskin::engine

#endif  // SISKIN_SERVER_ENGINE_INFERENCE_TASK_H_
