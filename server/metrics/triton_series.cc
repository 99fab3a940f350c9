#include "server/metrics/triton_series.h"

namespace siskin::metrics {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;

double Microseconds(absl::Duration duration) { return absl::ToDoubleMicroseconds(duration); }

}  // namespace

TritonFamilies::TritonFamilies(prometheus::Registry& registry)
    : success(Register(registry, BuildCounter(), "nv_inference_request_success",
                       "Answered inference requests.")),
      failure(Register(registry, BuildCounter(), "nv_inference_request_failure",
                       "Failed inference requests.")),
      images(Register(registry, BuildCounter(), "nv_inference_count", "Images computed.")),
      batches(Register(registry, BuildCounter(), "nv_inference_exec_count", "Batches computed.")),
      request_us(Register(registry, BuildCounter(), "nv_inference_request_duration_us",
                          "Sum over answered requests, from arrival to answer.")),
      queue_us(Register(registry, BuildCounter(), "nv_inference_queue_duration_us",
                        "Sum over answered requests, waiting for a lane.")),
      input_us(Register(registry, BuildCounter(), "nv_inference_compute_input_duration_us",
                        "Sum over answered requests, decoding and resampling.")),
      infer_us(Register(registry, BuildCounter(), "nv_inference_compute_infer_duration_us",
                        "Sum over answered requests, the network.")),
      output_us(Register(registry, BuildCounter(), "nv_inference_compute_output_duration_us",
                         "Sum over answered requests, making the response.")),
      pending(Register(registry, BuildGauge(), "nv_inference_pending_request_count",
                       "Images that wait for a lane.")) {}

TritonSeries::TritonSeries(const TritonFamilies& families, const std::string& model,
                           const std::string& version) {
  const prometheus::Labels labels = {{"model", model}, {"version", version}};
  success_ = Child(families.success, labels);
  failure_ = Child(families.failure, labels);
  images_ = Child(families.images, labels);
  batches_ = Child(families.batches, labels);
  request_us_ = Child(families.request_us, labels);
  queue_us_ = Child(families.queue_us, labels);
  input_us_ = Child(families.input_us, labels);
  infer_us_ = Child(families.infer_us, labels);
  output_us_ = Child(families.output_us, labels);
  pending_ = Child(families.pending, labels);
}

void TritonSeries::CountRequest(absl::StatusCode code, absl::Duration duration) const {
  if (code != absl::StatusCode::kOk) return failure_->Increment();
  success_->Increment();
  request_us_->Increment(Microseconds(duration));
}

void TritonSeries::CountStages(const engine::TaskTiming& timing, absl::Duration answer) const {
  queue_us_->Increment(Microseconds(timing.queue));
  input_us_->Increment(Microseconds(timing.prepare));
  infer_us_->Increment(Microseconds(timing.compute));
  output_us_->Increment(Microseconds(answer));
}

void TritonSeries::CountBatch(int images) const {
  images_->Increment(images);
  batches_->Increment();
}

}  // namespace siskin::metrics
