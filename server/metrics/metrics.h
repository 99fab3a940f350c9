// What the server tells its operators. A plain interface: prometheus-cpp stays inside this
// folder. Thread-safe; every call is cheap enough for the hot path: after a series' first sample, a
// call takes a shared lock, looks the series up without building labels, and allocates nothing.
//
// Requests and batches:
//   siskin_requests_total{model,version,method,code}   counter
//   siskin_request_duration_seconds{model,code}        histogram
//   siskin_rejected_total{model,reason}                counter, of Rejection
//   siskin_queue_duration_seconds{model}               histogram, a sample an inference
//   siskin_decode_duration_seconds{model}              histogram, a sample an inference
//   siskin_compute_duration_seconds{model}             histogram, a sample an inference
//   siskin_batch_size{model}                           histogram, a sample a batch
//   siskin_batches_total{model,reason}                 counter
//   siskin_saved_images_total{model,reason}            counter, "deadline" or "cancelled"
//   siskin_lane_compute_seconds_total{model}           counter
//   siskin_lane_busy_seconds_total{lane}               counter
//   siskin_grpc_bytes_total{direction}                 counter, "received" or "sent"
// Models:
//   siskin_model_state{model,version,state}            gauge, 0 or 1
//   siskin_queue_depth{model}, siskin_queue_capacity{model}                      gauges, images
//   siskin_predicted_wait_seconds{model}               gauge, for an image that comes now
//   siskin_batch_cost_seconds{model,version,batch}     gauge, lane time of a batch
//   siskin_model_{load,warmup}_duration_seconds{model,version}                   gauges
//   siskin_model_memory_bytes{model,version,kind}      gauge, "weights" or "arena"
// Server:
//   siskin_build_info{version,onednn,isa}              gauge, 1
//   siskin_lanes                                       gauge
//   siskin_time_to_ready_seconds                       gauge, once ready
//   what AddGauge adds
// Machine, read at scrape time; what the kernel does not tell is left out:
//   process_{cpu_seconds_total,resident_memory_bytes,virtual_memory_bytes,open_fds,max_fds,threads,
//            start_time_seconds}
//   siskin_cgroup_cpu_{periods,throttled_periods,throttled_seconds}_total        counters
//   siskin_cgroup_cpu_quota_cores, siskin_cgroup_memory_{usage,limit}_bytes      gauges
//   siskin_pressure_stalled_seconds_total{resource,severity}                     counter
// With Options::triton_aliases, nv_inference_*{model,version}: server/metrics/triton_series.h.
//
// A model's series exist, at zero, from its first OnModelState on (those that loading gives a value
// from OnModelLoaded on), so that rate() and absent() work before the first request. They disappear
// when its last version is kUnloaded.
#ifndef SISKIN_SERVER_METRICS_METRICS_H_
#define SISKIN_SERVER_METRICS_METRICS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/rejection.h"
#include "server/engine/inference_task.h"
#include "server/engine/model_registry.h"
#include "server/engine/observer.h"

namespace siskin::metrics {

// The RPCs that infer: values of the `method` label that exist before the first request.
inline constexpr std::string_view kInferenceMethods[] = {"Classify", "ClassifyStream", "Detect",
                                                         "Embed", "ModelInfer"};

enum class Direction { kReceived, kSent };

// What making a model version ready took.
struct ModelLoad {
  absl::Duration load;     // reading, checking, compiling
  absl::Duration warm_up;  // memory for every lane, and a run of each plan in it
  int lanes = 1;           // that have an arena for it
};

class Metrics : public engine::BatchObserver {
 public:
  // One answered RPC, whatever its code. `model` and `version` are those that answered, or those
  // that the request names. A model that is not known (never declared, or unloaded meanwhile) is
  // counted under empty labels, so that label values stay bounded by the repository. `method` is a
  // name from the service definition.
  virtual void OnRequest(std::string_view model, std::string_view version, std::string_view method,
                         absl::StatusCode code, absl::Duration duration) = 0;
  // The same RPC, if it was refused or given up before anything was computed.
  virtual void OnRejected(std::string_view model, Rejection reason) = 0;
  // The stages of one answered inference; `answer` is making the response. Ignored for a model that
  // is not known.
  virtual void OnStages(std::string_view model, std::string_view version,
                        const engine::TaskTiming& timing, absl::Duration answer) = 0;
  // A message of an RPC, without framing.
  virtual void OnMessage(Direction direction, int64_t bytes) = 0;

  virtual void OnModelState(const engine::VersionStatus& status) = 0;
  // Between kWarming and kReady. Keeps the queue, to read its depth, until the version is
  // kUnloaded.
  virtual void OnModelLoaded(const engine::Servable& servable, const ModelLoad& load) = 0;
  // How many lanes there are, before the first one runs.
  virtual void OnLanes(int lanes) = 0;
  // The server is ready for the first time.
  virtual void OnReady() = 0;

  // Values read at scrape time: requests in flight, admitted payload bytes, ... `read` is called
  // from any thread while this object lives; it must not call AddGauge. A second gauge of the same
  // name replaces the first. REQUIRES: `name` matches [a-zA-Z_][a-zA-Z0-9_]*.
  virtual void AddGauge(std::string name, std::string help, std::function<double()> read) = 0;

  // The exposition, Prometheus text format 0.0.4.
  virtual std::string Scrape() = 0;

  struct Options {
    std::string version;
    std::string onednn;
    std::string isa;
    bool triton_aliases = false;
  };
  static std::unique_ptr<Metrics> Create(const Options& options);
};

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_METRICS_H_
