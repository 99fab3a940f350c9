#include "server/metrics/families.h"

#include "server/metrics/series.h"

namespace siskin::metrics {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

Families::Families(prometheus::Registry& registry, bool triton_aliases)
    : requests(Register(registry, BuildCounter(), "siskin_requests_total",
                        "Answered RPCs by gRPC status.")),
      request_duration(Register(registry, BuildHistogram(), "siskin_request_duration_seconds",
                                "From an RPC's arrival to its answer, queueing included.")),
      rejected(Register(registry, BuildCounter(), "siskin_rejected_total",
                        "RPCs refused, or given up before anything was computed, by reason.")),
      queue_duration(Register(registry, BuildHistogram(), "siskin_queue_duration_seconds",
                              "How long an image waited for a lane.")),
      decode_duration(Register(registry, BuildHistogram(), "siskin_decode_duration_seconds",
                               "Decoding, resizing and normalising one image.")),
      compute_duration(Register(registry, BuildHistogram(), "siskin_compute_duration_seconds",
                                "The network, for the batch that an image was in.")),
      batch_size(
          Register(registry, BuildHistogram(), "siskin_batch_size", "Images computed together.")),
      batches(Register(registry, BuildCounter(), "siskin_batches_total",
                       "Executed batches by what closed them.")),
      lane_compute(Register(registry, BuildCounter(), "siskin_lane_compute_seconds_total",
                            "Lane time spent in the network.")),
      skipped_images(
          Register(registry, BuildCounter(), "siskin_saved_images_total",
                   "Images not computed: deadline passed or call cancelled while queued.")),
      queue_depth(
          Register(registry, BuildGauge(), "siskin_queue_depth", "Images that wait for a lane.")),
      queue_capacity(Register(registry, BuildGauge(), "siskin_queue_capacity",
                              "Images that may wait; more are refused.")),
      predicted_wait(Register(registry, BuildGauge(), "siskin_predicted_wait_seconds",
                              "How long an image that came now would wait for a lane.")),
      batch_cost(Register(registry, BuildGauge(), "siskin_batch_cost_seconds",
                          "Lane time that a batch of this size is expected to take.")),
      model_state(Register(registry, BuildGauge(), "siskin_model_state",
                           "1 for the state that a model version is in, else 0.")),
      load_duration(Register(registry, BuildGauge(), "siskin_model_load_duration_seconds",
                             "Reading the weights and compiling the plans.")),
      warm_up_duration(Register(registry, BuildGauge(), "siskin_model_warmup_duration_seconds",
                                "Allocating every lane's memory and running each plan in it.")),
      memory(Register(registry, BuildGauge(), "siskin_model_memory_bytes",
                      "Packed weights, and activations of all lanes.")) {
  if (triton_aliases) triton.emplace(registry);
}

}  // namespace siskin::metrics
