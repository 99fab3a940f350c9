// One photo of the status page, through the same path as gRPC: pipeline::Inference, so the same
// checks, admission, queue and lanes. It is counted like an RPC, as the method "StatusPage".
#ifndef SISKIN_SERVER_ADMIN_PHOTO_INFERENCE_H_
#define SISKIN_SERVER_ADMIN_PHOTO_INFERENCE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/admin/status_page.h"
#include "server/engine/model_registry.h"
#include "server/metrics/metrics.h"
#include "server/pipeline/inference.h"

namespace siskin::admin {

// Thread-safe.
class PhotoInference {
 public:
  // Longest that a photo waits for a lane: after that it is not computed.
  static constexpr absl::Duration kTimeout = absl::Seconds(10);

  // All outlive the object.
  PhotoInference(pipeline::Inference& inference, const engine::ModelRegistry& registry,
                 metrics::Metrics& metrics)
      : inference_(inference), registry_(registry), metrics_(metrics) {}

  // Blocks until the photo is answered, which a lane does. The answer in JSON has "model",
  // "version", "random_weights", "batch_size", "timing_ms" {queue, decode, compute}, and either
  // "classifications" [{index, label, probability}], the five best ones, or "image" {width, height}
  // and "faces" [{score, box, key_points}] in pixels of the upright photo: the names that `siskin
  // classify --json` and `siskin detect --json` use. Errors: those of pipeline::Inference.
  absl::StatusOr<std::string> Run(const PhotoQuestion& question);

 private:
  void Count(const PhotoQuestion& question, const absl::Status& status, absl::Duration duration);

  pipeline::Inference& inference_;
  const engine::ModelRegistry& registry_;
  metrics::Metrics& metrics_;
};

}  // namespace siskin::admin

#endif  // SISKIN_SERVER_ADMIN_PHOTO_INFERENCE_H_
