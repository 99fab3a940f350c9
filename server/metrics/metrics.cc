#include "server/metrics/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/engine/loaded_model.h"
#include "server/metrics/families.h"
#include "server/metrics/model_series.h"
#include "server/metrics/process_stats.h"
#include "server/metrics/request_series.h"
#include "server/metrics/server_series.h"
#include "server/metrics/system_families.h"

namespace siskin::metrics {
namespace {

bool IsInference(std::string_view method) {
  return std::find(std::begin(kInferenceMethods), std::end(kInferenceMethods), method) !=
         std::end(kInferenceMethods);
}

class PrometheusMetrics final : public Metrics {
 public:
  explicit PrometheusMetrics(const Options& options)
      : families_(registry_, options.triton_aliases),
        server_(registry_, options),
        no_model_(families_, "") {}

  void OnRequest(std::string_view model, std::string_view version, std::string_view method,
                 absl::StatusCode code, absl::Duration duration) override {
    {
      absl::ReaderMutexLock lock(&mu_);
      if (CountRequest(model, version, method, code, duration)) return;
    }
    // First of its kind. The model may have come or gone in between, so it is looked up again.
    absl::MutexLock lock(&mu_);
    const Target target = TargetOf(model, version);
    target.series.Add(target.version, method, code);
    CountRequest(model, version, method, code, duration);
  }

  void OnRejected(std::string_view model, Rejection reason) override {
    absl::ReaderMutexLock lock(&mu_);
    TargetOf(model, "").series.CountRejected(reason);
  }

  void OnStages(std::string_view model, std::string_view version, const engine::TaskTiming& timing,
                absl::Duration answer) override {
    absl::ReaderMutexLock lock(&mu_);
    if (ModelSeries* series = Find(model)) series->CountStages(version, timing, answer);
  }

  void OnMessage(Direction direction, int64_t bytes) override {
    absl::ReaderMutexLock lock(&mu_);
    server_.CountMessage(direction, bytes);
  }

  void OnBatch(const engine::LoadedModel& model, int size, batching::CloseReason reason,
               absl::Duration compute) override {
    absl::ReaderMutexLock lock(&mu_);
    ModelSeries* series = Find(model.name());
    if (series != nullptr) series->CountBatch(model.version(), size, reason, compute);
  }

  void OnLaneBusy(int lane, absl::Duration busy) override {
    absl::ReaderMutexLock lock(&mu_);
    server_.CountLaneBusy(lane, busy);
  }

  void OnSkipped(const engine::LoadedModel& model, Rejection reason) override {
    absl::ReaderMutexLock lock(&mu_);
    if (ModelSeries* series = Find(model.name())) series->CountSkipped(reason);
  }

  void OnModelState(const engine::VersionStatus& status) override {
    absl::MutexLock lock(&mu_);
    if (status.state != engine::ModelState::kUnloaded) {
      const auto entry = models_.try_emplace(status.model, families_, status.model).first;
      entry->second.SetState(status.version, status.state);
      return;
    }
    const auto entry = models_.find(status.model);
    if (entry == models_.end()) return;
    entry->second.RemoveVersion(status.version);
    if (entry->second.empty()) models_.erase(entry);
  }

  void OnModelLoaded(const engine::Servable& servable, const ModelLoad& load) override {
    absl::MutexLock lock(&mu_);
    if (ModelSeries* series = Find(servable.model->name())) series->SetLoaded(servable, load);
  }

  void OnLanes(int lanes) override {
    absl::MutexLock lock(&mu_);
    server_.SetLanes(lanes);
  }

  void OnReady() override {
    const std::optional<double> age = ProcessAgeSeconds();
    absl::MutexLock lock(&mu_);
    if (age.has_value()) server_.SetTimeToReady(*age);
  }

  void AddGauge(std::string name, std::string help, std::function<double()> read) override {
    absl::MutexLock lock(&gauges_mu_);
    gauges_[std::move(name)] = {std::move(help), std::move(read)};
  }

  std::string Scrape() override {
    {
      absl::ReaderMutexLock lock(&mu_);
      for (const auto& [name, model] : models_) model.ReadQueues();
    }
    std::vector<prometheus::MetricFamily> families = registry_.Collect();
    {
      absl::MutexLock lock(&gauges_mu_);
      for (const auto& [name, gauge] : gauges_) {
        families.push_back(
            SingleValue(name, gauge.help, prometheus::MetricType::Gauge, gauge.read()));
      }
    }
    AppendSystemFamilies(families);
    return prometheus::TextSerializer().Serialize(families);
  }

 private:
  struct CallbackGauge {
    std::string help;
    std::function<double()> read;
  };
  // Where a request is counted.
  struct Target {
    RequestSeries& series;
    std::string_view version;
    const TritonSeries* alias = nullptr;
  };

  ModelSeries* Find(std::string_view model) ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    const auto entry = models_.find(model);
    return entry == models_.end() ? nullptr : &entry->second;
  }

  Target TargetOf(std::string_view model, std::string_view version)
      ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    ModelSeries* const series = Find(model);
    if (series == nullptr) return {no_model_, ""};
    if (!series->HasVersion(version)) return {series->requests(), ""};
    return {series->requests(), version, series->triton(version)};
  }

  // False if there is no series for it yet.
  bool CountRequest(std::string_view model, std::string_view version, std::string_view method,
                    absl::StatusCode code, absl::Duration duration)
      ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    const Target target = TargetOf(model, version);
    if (!target.series.Count(target.version, method, code, duration)) return false;
    if (target.alias != nullptr && IsInference(method)) target.alias->CountRequest(code, duration);
    return true;
  }

  prometheus::Registry registry_;  // first, so that series leave it before it goes
  Families families_;

  // Exclusive to add or remove series, shared to count.
  absl::Mutex mu_;
  ServerSeries server_ ABSL_GUARDED_BY(mu_);
  RequestSeries no_model_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, ModelSeries, std::less<>> models_ ABSL_GUARDED_BY(mu_);

  absl::Mutex gauges_mu_;
  std::map<std::string, CallbackGauge> gauges_ ABSL_GUARDED_BY(gauges_mu_);
};

}  // namespace

std::unique_ptr<Metrics> Metrics::Create(const Options& options) {
  return std::make_unique<PrometheusMetrics>(options);
}

}  // namespace siskin::metrics
