// What the server tells its operators. A plain interface: prometheus-cpp stays inside this
// folder. Thread-safe; every call is cheap enough for the hot path: after a series' first sample, a
// call takes a shared lock, looks the series up without building labels, and allocates nothing.
//
//   siskin_requests_total{model,version,method,code}   counter
//   siskin_request_duration_seconds{model,code}        histogram
//   siskin_queue_duration_seconds{model}               histogram, a sample an image
//   siskin_decode_duration_seconds{model}              histogram, a sample an image
//   siskin_compute_duration_seconds{model}             histogram, a sample an image
//   siskin_batch_size{model}                           histogram, a sample a batch
//   siskin_batches_total{model,reason}                 counter
//   siskin_lane_compute_seconds_total{model}           counter
//   siskin_model_state{model,version,state}            gauge, 0 or 1
//   siskin_build_info{version,onednn,isa}              gauge, 1
//   process_{cpu_seconds_total,resident_memory_bytes,open_fds,start_time_seconds}
//
// A model's series exist, at zero, from its first OnModelState on, so that rate() and absent() work
// before the first request. They disappear when its last version is kUnloaded.
#ifndef SISKIN_SERVER_METRICS_METRICS_H_
#define SISKIN_SERVER_METRICS_METRICS_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/engine/inference_task.h"
#include "server/engine/model_registry.h"
#include "server/engine/observer.h"

namespace siskin::metrics {

// The RPCs that infer: values of the `method` label that exist before the first request.
inline constexpr std::string_view kInferenceMethods[] = {"Classify", "ClassifyStream", "Detect",
                                                         "Embed", "ModelInfer"};

class Metrics : public engine::BatchObserver {
 public:
  // One answered RPC, whatever its code. `model` and `version` are those that answered. A model
  // that is not known (never declared, or unloaded meanwhile) is counted under empty labels, so
  // that label values stay bounded by the repository. `method` is a name from the service
  // definition.
  virtual void OnRequest(std::string_view model, std::string_view version, std::string_view method,
                         absl::StatusCode code, absl::Duration duration) = 0;
  // The stages of one answered inference. Ignored for a model that is not known.
  virtual void OnStages(std::string_view model, const engine::TaskTiming& timing) = 0;
  virtual void OnModelState(const engine::VersionStatus& status) = 0;
  // Values read at scrape time: requests in flight, admitted payload bytes, ... `read` is called
  // from any thread while this object lives; it must not call AddGauge. A second gauge of the same
  // name replaces the first. REQUIRES: `name` matches [a-zA-Z_][a-zA-Z0-9_]*.
  virtual void AddGauge(std::string name, std::string help, std::function<double()> read) = 0;

  // The exposition, Prometheus text format 0.0.4.
  virtual std::string Scrape() = 0;

  struct BuildInfo {
    std::string version;
    std::string onednn;
    std::string isa;
  };
  static std::unique_ptr<Metrics> Create(const BuildInfo& info);
};

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_METRICS_H_
