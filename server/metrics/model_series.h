// The labelled series: how they are named, and which of them exist for a model. Internal to this
// folder, the only one that sees prometheus-cpp.
//
// Owning a series is what keeps it in the exposition: dropping a ModelSeries drops its series.
// Counting (const) is thread-safe; adding and removing need exclusive access.
#ifndef SISKIN_SERVER_METRICS_MODEL_SERIES_H_
#define SISKIN_SERVER_METRICS_MODEL_SERIES_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/batching/batch_policy.h"
#include "server/engine/inference_task.h"
#include "server/engine/model_registry.h"

namespace siskin::metrics {

// The families of the labelled metrics, owned by a registry that outlives all series.
struct Families {
  explicit Families(prometheus::Registry& registry);

  prometheus::Family<prometheus::Counter>& requests;
  prometheus::Family<prometheus::Histogram>& request_duration;
  prometheus::Family<prometheus::Histogram>& queue_duration;
  prometheus::Family<prometheus::Histogram>& decode_duration;
  prometheus::Family<prometheus::Histogram>& compute_duration;
  prometheus::Family<prometheus::Histogram>& batch_size;
  prometheus::Family<prometheus::Counter>& batches;
  prometheus::Family<prometheus::Counter>& lane_compute;
  prometheus::Family<prometheus::Gauge>& model_state;
};

// A child of a family that leaves it when its owner lets go.
template <typename T>
struct RemoveFromFamily {
  prometheus::Family<T>* family = nullptr;
  void operator()(T* metric) const { family->Remove(metric); }
};
template <typename T>
using Series = std::unique_ptr<T, RemoveFromFamily<T>>;

// Answered RPCs of one model, or of no model. A combination of version, method and code gets its
// series with Add.
class RequestSeries {
 public:
  RequestSeries(Families& families, std::string model);

  // False if the combination has no series yet.
  bool Count(std::string_view version, std::string_view method, absl::StatusCode code,
             absl::Duration duration) const;

  void Add(std::string_view version, std::string_view method, absl::StatusCode code);
  void RemoveVersion(std::string_view version);

 private:
  static constexpr size_t kCodes = static_cast<size_t>(absl::StatusCode::kUnauthenticated) + 1;

  struct Row {
    std::string version;
    std::string method;
    std::array<Series<prometheus::Counter>, kCodes> counts;
  };

  static size_t IndexOf(absl::StatusCode code);
  size_t FindRow(std::string_view version, std::string_view method) const;

  Families& families_;
  const std::string model_;
  std::vector<Row> rows_;
  std::array<Series<prometheus::Histogram>, kCodes> durations_;
};

// Everything about one model of the repository.
class ModelSeries {
 public:
  ModelSeries(Families& families, const std::string& model);

  RequestSeries& requests() { return requests_; }
  void CountStages(const engine::TaskTiming& timing) const;
  void CountBatch(int size, batching::CloseReason reason, absl::Duration compute) const;

  // REQUIRES: `state` is not kUnloaded, which is RemoveVersion.
  void SetState(const std::string& version, engine::ModelState state);
  void RemoveVersion(const std::string& version);
  bool HasVersion(std::string_view version) const;
  bool empty() const { return states_.empty(); }

 private:
  static constexpr size_t kReasons = 4;  // values of CloseReason
  static constexpr size_t kStates = 5;   // values of ModelState that have a series
  using StateGauges = std::array<Series<prometheus::Gauge>, kStates>;

  void AddVersion(const std::string& version, StateGauges& gauges);

  Families& families_;
  const std::string model_;
  RequestSeries requests_;
  Series<prometheus::Histogram> queue_;
  Series<prometheus::Histogram> decode_;
  Series<prometheus::Histogram> compute_;
  Series<prometheus::Histogram> batch_size_;
  std::array<Series<prometheus::Counter>, kReasons> batches_;
  Series<prometheus::Counter> lane_compute_;
  std::map<std::string, StateGauges, std::less<>> states_;  // by version
};

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_MODEL_SERIES_H_
