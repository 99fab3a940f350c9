// The families of the labelled metrics of models: how they are named and what they mean. Internal
// to this folder.
#ifndef SISKIN_SERVER_METRICS_FAMILIES_H_
#define SISKIN_SERVER_METRICS_FAMILIES_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <optional>

#include "server/metrics/triton_series.h"

namespace siskin::metrics {

// Owned by a registry that outlives all series.
struct Families {
  Families(prometheus::Registry& registry, bool triton_aliases);

  prometheus::Family<prometheus::Counter>& requests;
  prometheus::Family<prometheus::Histogram>& request_duration;
  prometheus::Family<prometheus::Counter>& rejected;
  prometheus::Family<prometheus::Histogram>& queue_duration;
  prometheus::Family<prometheus::Histogram>& decode_duration;
  prometheus::Family<prometheus::Histogram>& compute_duration;
  prometheus::Family<prometheus::Histogram>& batch_size;
  prometheus::Family<prometheus::Counter>& batches;
  prometheus::Family<prometheus::Counter>& lane_compute;
  prometheus::Family<prometheus::Counter>& skipped_images;
  prometheus::Family<prometheus::Gauge>& queue_depth;
  prometheus::Family<prometheus::Gauge>& queue_capacity;
  prometheus::Family<prometheus::Gauge>& predicted_wait;
  prometheus::Family<prometheus::Gauge>& batch_cost;
  prometheus::Family<prometheus::Gauge>& model_state;
  prometheus::Family<prometheus::Gauge>& load_duration;
  prometheus::Family<prometheus::Gauge>& warm_up_duration;
  prometheus::Family<prometheus::Gauge>& memory;
  std::optional<TritonFamilies> triton;
};

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_FAMILIES_H_
