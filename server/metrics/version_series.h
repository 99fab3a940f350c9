// The series of one version of a model. Internal to this folder.
#ifndef SISKIN_SERVER_METRICS_VERSION_SERIES_H_
#define SISKIN_SERVER_METRICS_VERSION_SERIES_H_

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "server/batching/batch_queue.h"
#include "server/engine/model_registry.h"
#include "server/metrics/families.h"
#include "server/metrics/metrics.h"
#include "server/metrics/series.h"
#include "server/metrics/triton_series.h"

namespace siskin::metrics {

// Reading (const) is thread-safe; the rest needs exclusive access.
class VersionSeries {
 public:
  VersionSeries(const Families& families, const std::string& model, const std::string& version);

  // REQUIRES: `state` is not kUnloaded, which has no series.
  void SetState(engine::ModelState state);
  void SetLoaded(const engine::Servable& servable, const ModelLoad& load);

  const batching::BatchQueue* queue() const { return queue_.get(); }  // null until loaded
  // Null without the aliases.
  const TritonSeries* triton() const { return triton_.has_value() ? &*triton_ : nullptr; }

 private:
  static constexpr size_t kStates = 5;  // values of ModelState that have a series

  const Families& families_;
  const prometheus::Labels labels_;
  std::array<Series<prometheus::Gauge>, kStates> states_;
  Series<prometheus::Gauge> load_duration_, warm_up_duration_, weights_, arena_;  // once loaded
  std::optional<TritonSeries> triton_;
  std::shared_ptr<const batching::BatchQueue> queue_;
};

}  // namespace siskin::metrics

#endif  // SISKIN_SERVER_METRICS_VERSION_SERIES_H_
