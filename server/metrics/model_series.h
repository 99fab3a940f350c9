// The series of one model of the repository and of its versions. Internal to this folder.
#ifndef SISKIN_SERVER_METRICS_MODEL_SERIES_H_
#define SISKIN_SERVER_METRICS_MODEL_SERIES_H_

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "base/rejection.h"
#include "server/batching/batch_policy.h"
#include "server/batching/scheduler.h"
#include "server/engine/inference_task.h"
#include "server/engine/model_registry.h"
#include "server/metrics/families.h"
#include "server/metrics/metrics.h"
#include "server/metrics/request_series.h"
#include "server/metrics/series.h"
#include "server/metrics/triton_series.h"

namespace siskin::metrics {

// Those of one version. Reading (const) is thread-safe; the rest needs exclusive access.
class VersionSeries {
 public:
  VersionSeries(const Families& families, const std::string& model, const std::string& version);

  // REQUIRES: `state` is not kUnloaded, which has no series.
  void SetState(engine::ModelState state);
  void SetLoaded(const engine::Servable& servable, const ModelLoad& load);

  // Brings the gauges of batch costs up to date. REQUIRES: loaded.
  void ReadCosts() const;
  const batching::BatchQueue* queue() const { return queue_.get(); }  // null until loaded
  // Null without the aliases.
  const TritonSeries* triton() const { return triton_.has_value() ? &*triton_ : nullptr; }

 private:
  static constexpr size_t kStates = 5;  // values of ModelState that have a series

  const Families& families_;
  const prometheus::Labels labels_;
  std::array<Series<prometheus::Gauge>, kStates> states_;
  Series<prometheus::Gauge> load_duration_, warm_up_duration_, weights_, arena_;  // once loaded
  std::vector<Series<prometheus::Gauge>> batch_costs_;  // as in the queue's Costs()
  std::optional<TritonSeries> triton_;
  std::shared_ptr<const batching::BatchQueue> queue_;
};

// Counting (const) is thread-safe; adding and removing need exclusive access.
class ModelSeries {
 public:
  ModelSeries(const Families& families, const std::string& model);

  RequestSeries& requests() { return requests_; }
  void CountStages(std::string_view version, const engine::TaskTiming& timing,
                   absl::Duration answer) const;
  void CountBatch(std::string_view version, int size, batching::CloseReason reason,
                  absl::Duration compute) const;
  // REQUIRES: kDeadline or kCancelled.
  void CountSkipped(Rejection reason) const;
  // Brings the gauges of the queues up to date.
  void ReadQueues() const;

  // REQUIRES: `state` is not kUnloaded, which is RemoveVersion.
  void SetState(const std::string& version, engine::ModelState state);
  // Ignored for a version that has no state.
  void SetLoaded(const engine::Servable& servable, const ModelLoad& load);
  void RemoveVersion(const std::string& version);
  bool HasVersion(std::string_view version) const { return versions_.contains(version); }
  bool empty() const { return versions_.empty(); }

  // Null without the aliases, and for a version that has no state.
  const TritonSeries* triton(std::string_view version) const;

 private:
  static constexpr size_t kCloseReasons = 4;  // values of CloseReason

  const Families& families_;
  const std::string model_;
  RequestSeries requests_;
  Series<prometheus::Histogram> queue_, decode_, compute_;
  Series<prometheus::Histogram> batch_size_;
  std::array<Series<prometheus::Counter>, kCloseReasons> batches_;
  Series<prometheus::Counter> lane_compute_;
  Series<prometheus::Counter> skipped_after_deadline_, skipped_after_cancel_;
  // Null until a version is loaded.
  Series<prometheus::Gauge> predicted_wait_, queue_depth_, queue_capacity_;
  std::map<std::string, VersionSeries, std::less<>> versions_;
};

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_MODEL_SERIES_H_
