#include "server/metrics/metrics.h"

#include <prometheus/gauge.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/engine/loaded_model.h"
#include "server/metrics/model_series.h"
#include "server/metrics/process_stats.h"

namespace siskin::metrics {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily SingleValue(std::string name, std::string help, MetricType type, double value) {
  MetricFamily family{std::move(name), std::move(help), type, {}};
  family.metric.emplace_back();
  family.metric.back().counter.value = value;  // only the one of `type` is read
  family.metric.back().gauge.value = value;
  return family;
}

void AppendProcessFamilies(std::vector<MetricFamily>& families) {
  const auto append = [&](const char* name, const char* help, MetricType type,
                          std::optional<double> value) {
    if (value.has_value()) families.push_back(SingleValue(name, help, type, *value));
  };
  const ProcessStats stats = ReadProcessStats();
  append("process_cpu_seconds_total", "User and system CPU time spent.", MetricType::Counter,
         stats.cpu_seconds);
  append("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge,
         stats.resident_memory_bytes);
  append("process_open_fds", "Open file descriptors.", MetricType::Gauge, stats.open_fds);
  append("process_start_time_seconds", "Start of the process since the Unix epoch.",
         MetricType::Gauge, stats.start_time_seconds);
}

class PrometheusMetrics final : public Metrics {
 public:
  explicit PrometheusMetrics(const BuildInfo& info)
      : families_(registry_), no_model_(families_, "") {
    prometheus::BuildGauge()
        .Name("siskin_build_info")
        .Help("1, labelled with what this server was built from and runs on.")
        .Register(registry_)
        .Add({{"version", info.version}, {"onednn", info.onednn}, {"isa", info.isa}})
        .Set(1);
  }

  void OnRequest(std::string_view model, std::string_view version, std::string_view method,
                 absl::StatusCode code, absl::Duration duration) override {
    {
      absl::ReaderMutexLock lock(&mu_);
      const Target target = TargetOf(model, version);
      if (target.series.Count(target.version, method, code, duration)) return;
    }
    // First of its kind. The model may have come or gone in between, so it is looked up again.
    absl::MutexLock lock(&mu_);
    const Target target = TargetOf(model, version);
    target.series.Add(target.version, method, code);
    target.series.Count(target.version, method, code, duration);
  }

  void OnStages(std::string_view model, const engine::TaskTiming& timing) override {
    absl::ReaderMutexLock lock(&mu_);
    const auto entry = models_.find(model);
    if (entry != models_.end()) entry->second.CountStages(timing);
  }

  void OnBatch(const engine::LoadedModel& model, int size, batching::CloseReason reason,
               absl::Duration compute) override {
    absl::ReaderMutexLock lock(&mu_);
    const auto entry = models_.find(model.name());
    if (entry != models_.end()) entry->second.CountBatch(size, reason, compute);
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

  void AddGauge(std::string name, std::string help, std::function<double()> read) override {
    absl::MutexLock lock(&gauges_mu_);
    gauges_[std::move(name)] = {std::move(help), std::move(read)};
  }

  std::string Scrape() override {
    std::vector<MetricFamily> families = registry_.Collect();
    {
      absl::MutexLock lock(&gauges_mu_);
      for (const auto& [name, gauge] : gauges_) {
        families.push_back(SingleValue(name, gauge.help, MetricType::Gauge, gauge.read()));
      }
    }
    AppendProcessFamilies(families);
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
  };

  Target TargetOf(std::string_view model, std::string_view version)
      ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    const auto entry = models_.find(model);
    if (entry == models_.end()) return {no_model_, ""};
    return {entry->second.requests(), entry->second.HasVersion(version) ? version : ""};
  }

  prometheus::Registry registry_;  // first, so that series leave it before it goes
  Families families_;

  // Exclusive to add or remove series, shared to count.
  absl::Mutex mu_;
  RequestSeries no_model_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, ModelSeries, std::less<>> models_ ABSL_GUARDED_BY(mu_);

  absl::Mutex gauges_mu_;
  std::map<std::string, CallbackGauge> gauges_ ABSL_GUARDED_BY(gauges_mu_);
};

}  // namespace

std::unique_ptr<Metrics> Metrics::Create(const BuildInfo& info) {
  return std::make_unique<PrometheusMetrics>(info);
}

}  // namespace siskin::metrics
