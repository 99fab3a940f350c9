#include "server/metrics/model_series.h"

#include <algorithm>
#include <utility>

#include "server/metrics/metrics.h"

namespace siskin::metrics {
namespace {

using batching::CloseReason;
using engine::ModelState;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Labels;

// Of factor 1.25 to 1.5 where a light network's latency lies, wider above. Every usual objective
// (10, 15, 50, 100 ms) is a bound, and the last one is above a usual timeout.
const Histogram::BucketBoundaries kSecondsBuckets = {
    0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.0125, 0.015,
    0.02,   0.025, 0.035,  0.05,  0.075, 0.1,   0.15,  0.25,  0.5,   1,    2.5};
const Histogram::BucketBoundaries kBatchSizeBuckets = {1, 2, 4, 8, 16, 32, 64};

constexpr std::array kAllReasons = {CloseReason::kFull, CloseReason::kDelay, CloseReason::kDeadline,
                                    CloseReason::kDraining};
// kUnloaded has no series: those of the version are gone then.
constexpr std::array kExposedStates = {ModelState::kLoading, ModelState::kWarming,
                                       ModelState::kReady, ModelState::kDraining,
                                       ModelState::kFailed};

// The sum of a histogram is a counter: a clock that was set back must not lower it.
double Seconds(absl::Duration duration) {
  return absl::ToDoubleSeconds(std::max(duration, absl::ZeroDuration()));
}

template <typename T, typename... Args>
Series<T> Child(Family<T>& family, const Labels& labels, const Args&... args) {
  return {&family.Add(labels, args...), {&family}};
}

template <typename T>
Family<T>& Register(prometheus::Registry& registry, prometheus::detail::Builder<T> builder,
                    const char* name, const char* help) {
  return builder.Name(name).Help(help).Register(registry);
}

}  // namespace

Families::Families(prometheus::Registry& registry)
    : requests(Register(registry, prometheus::BuildCounter(), "siskin_requests_total",
                        "Answered RPCs by gRPC status.")),
      request_duration(Register(registry, prometheus::BuildHistogram(),
                                "siskin_request_duration_seconds",
                                "From an RPC's arrival to its answer, queueing included.")),
      queue_duration(Register(registry, prometheus::BuildHistogram(),
                              "siskin_queue_duration_seconds",
                              "How long an image waited for a lane.")),
      decode_duration(Register(registry, prometheus::BuildHistogram(),
                               "siskin_decode_duration_seconds",
                               "Decoding, resizing and normalising one image.")),
      compute_duration(Register(registry, prometheus::BuildHistogram(),
                                "siskin_compute_duration_seconds",
                                "The network, for the batch that an image was in.")),
      batch_size(Register(registry, prometheus::BuildHistogram(), "siskin_batch_size",
                          "Images computed together.")),
      batches(Register(registry, prometheus::BuildCounter(), "siskin_batches_total",
                       "Executed batches by what closed them.")),
      lane_compute(Register(registry, prometheus::BuildCounter(),
                            "siskin_lane_compute_seconds_total",
                            "Lane time in networks; its rate over the lanes is their use.")),
      model_state(Register(registry, prometheus::BuildGauge(), "siskin_model_state",
                           "1 for the state that a model version is in, else 0.")) {}

RequestSeries::RequestSeries(Families& families, std::string model)
    : families_(families), model_(std::move(model)) {}

size_t RequestSeries::IndexOf(absl::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  return index < kCodes ? index : static_cast<size_t>(absl::StatusCode::kUnknown);
}

// A walk: there are few versions and methods. rows_.size() if there is none.
size_t RequestSeries::FindRow(std::string_view version, std::string_view method) const {
  const auto row = std::find_if(rows_.begin(), rows_.end(), [&](const Row& row) {
    return row.version == version && row.method == method;
  });
  return row - rows_.begin();
}

bool RequestSeries::Count(std::string_view version, std::string_view method, absl::StatusCode code,
                          absl::Duration duration) const {
  const size_t row = FindRow(version, method);
  const size_t index = IndexOf(code);
  if (row == rows_.size() || rows_[row].counts[index] == nullptr) return false;
  rows_[row].counts[index]->Increment();
  durations_[index]->Observe(Seconds(duration));
  return true;
}

void RequestSeries::Add(std::string_view version, std::string_view method, absl::StatusCode code) {
  const size_t row = FindRow(version, method);
  if (row == rows_.size()) rows_.push_back({std::string(version), std::string(method), {}});
  const size_t index = IndexOf(code);
  if (rows_[row].counts[index] != nullptr) return;
  const std::string name = absl::StatusCodeToString(static_cast<absl::StatusCode>(index));
  rows_[row].counts[index] = Child(families_.requests, {{"model", model_},
                                                        {"version", rows_[row].version},
                                                        {"method", rows_[row].method},
                                                        {"code", name}});
  if (durations_[index] != nullptr) return;
  durations_[index] =
      Child(families_.request_duration, {{"model", model_}, {"code", name}}, kSecondsBuckets);
}

void RequestSeries::RemoveVersion(std::string_view version) {
  std::erase_if(rows_, [&](const Row& row) { return row.version == version; });
}

ModelSeries::ModelSeries(Families& families, const std::string& model)
    : families_(families),
      model_(model),
      requests_(families, model),
      queue_(Child(families.queue_duration, {{"model", model}}, kSecondsBuckets)),
      decode_(Child(families.decode_duration, {{"model", model}}, kSecondsBuckets)),
      compute_(Child(families.compute_duration, {{"model", model}}, kSecondsBuckets)),
      batch_size_(Child(families.batch_size, {{"model", model}}, kBatchSizeBuckets)),
      lane_compute_(Child(families.lane_compute, {{"model", model}})) {
  static_assert(kAllReasons.size() == kReasons);
  for (CloseReason reason : kAllReasons) {
    batches_[static_cast<size_t>(reason)] =
        Child(families.batches, {{"model", model}, {"reason", ToString(reason)}});
  }
}

void ModelSeries::CountStages(const engine::TaskTiming& timing) const {
  queue_->Observe(Seconds(timing.queue));
  decode_->Observe(Seconds(timing.prepare));
  compute_->Observe(Seconds(timing.compute));
}

void ModelSeries::CountBatch(int size, CloseReason reason, absl::Duration compute) const {
  batch_size_->Observe(size);
  batches_[static_cast<size_t>(reason)]->Increment();
  lane_compute_->Increment(Seconds(compute));
}

void ModelSeries::SetState(const std::string& version, ModelState state) {
  auto [entry, is_new] = states_.try_emplace(version);
  if (is_new) AddVersion(version, entry->second);
  for (size_t i = 0; i < kStates; ++i) entry->second[i]->Set(kExposedStates[i] == state ? 1 : 0);
}

void ModelSeries::AddVersion(const std::string& version, StateGauges& gauges) {
  static_assert(kExposedStates.size() == kStates);
  for (size_t i = 0; i < kStates; ++i) {
    gauges[i] =
        Child(families_.model_state,
              {{"model", model_}, {"version", version}, {"state", ToString(kExposedStates[i])}});
  }
  for (std::string_view method : kInferenceMethods) {
    requests_.Add(version, method, absl::StatusCode::kOk);
  }
}

void ModelSeries::RemoveVersion(const std::string& version) {
  states_.erase(version);
  requests_.RemoveVersion(version);
}

bool ModelSeries::HasVersion(std::string_view version) const {
  return states_.find(version) != states_.end();
}

}  // namespace siskin::metrics
