// The counters of a model version under the names that Triton gives them, so that dashboards made
// for it work. Off by default: they say less than ours, in microseconds. Internal to this folder.
#ifndef SISKIN_SERVER_METRICS_TRITON_SERIES_H_
#define SISKIN_SERVER_METRICS_TRITON_SERIES_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/engine/inference_task.h"
#include "server/metrics/series.h"

namespace siskin::metrics {

// Owned by a registry that outlives all series.
struct TritonFamilies {
  explicit TritonFamilies(prometheus::Registry& registry);

  prometheus::Family<prometheus::Counter>& success;
  prometheus::Family<prometheus::Counter>& failure;
  prometheus::Family<prometheus::Counter>& images;
  prometheus::Family<prometheus::Counter>& batches;
  prometheus::Family<prometheus::Counter>& request_us;
  prometheus::Family<prometheus::Counter>& queue_us;
  prometheus::Family<prometheus::Counter>& input_us;
  prometheus::Family<prometheus::Counter>& infer_us;
  prometheus::Family<prometheus::Counter>& output_us;
  prometheus::Family<prometheus::Gauge>& pending;
};

// Thread-safe.
class TritonSeries {
 public:
  TritonSeries(const TritonFamilies& families, const std::string& model,
               const std::string& version);

  // An answered inference. As in Triton, durations are those of successes alone.
  void CountRequest(absl::StatusCode code, absl::Duration duration) const;
  // Of a success. `answer`: making the response out of the network's output.
  void CountStages(const engine::TaskTiming& timing, absl::Duration answer) const;
  void CountBatch(int images) const;
  void SetPending(double images) const { pending_->Set(images); }

 private:
  Series<prometheus::Counter> success_, failure_, images_, batches_;
  Series<prometheus::Counter> request_us_, queue_us_, input_us_, infer_us_, output_us_;
  Series<prometheus::Gauge> pending_;
};

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_TRITON_SERIES_H_
