#include "server/metrics/model_series.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/engine/loaded_model.h"

namespace siskin::metrics {
namespace {

using batching::CloseReason;
using engine::ModelState;
using prometheus::Labels;

const prometheus::Histogram::BucketBoundaries kBatchSizeBuckets = {1, 2, 4, 8, 16, 32, 64};

constexpr std::array kAllCloseReasons = {CloseReason::kFull, CloseReason::kDelay,
                                         CloseReason::kDeadline, CloseReason::kDraining};

Series<prometheus::Counter> SkippedSeries(const Families& families, const std::string& model,
                                          Rejection reason) {
  return Child(families.skipped_images, {{"model", model}, {"reason", ToString(reason)}});
}

// kUnloaded has no series: those of the version are gone then.
constexpr std::array kExposedStates = {ModelState::kLoading, ModelState::kWarming,
                                       ModelState::kReady, ModelState::kDraining,
                                       ModelState::kFailed};

Labels With(Labels labels, const char* name, const std::string& value) {
  labels.emplace(name, value);
  return labels;
}

}  // namespace

VersionSeries::VersionSeries(const Families& families, const std::string& model,
                             const std::string& version)
    : families_(families), labels_({{"model", model}, {"version", version}}) {
  static_assert(kExposedStates.size() == kStates);
  for (size_t i = 0; i < kStates; ++i) {
    states_[i] = Child(families.model_state, With(labels_, "state", ToString(kExposedStates[i])));
  }
  if (families.triton.has_value()) triton_.emplace(*families.triton, model, version);
}

void VersionSeries::SetState(ModelState state) {
  for (size_t i = 0; i < kStates; ++i) states_[i]->Set(kExposedStates[i] == state ? 1 : 0);
}

void VersionSeries::SetLoaded(const engine::Servable& servable, const ModelLoad& load) {
  if (load_duration_ == nullptr) {
    load_duration_ = Child(families_.load_duration, labels_);
    warm_up_duration_ = Child(families_.warm_up_duration, labels_);
    weights_ = Child(families_.memory, With(labels_, "kind", "weights"));
    arena_ = Child(families_.memory, With(labels_, "kind", "arena"));
  }
  load_duration_->Set(Seconds(load.load));
  warm_up_duration_->Set(Seconds(load.warm_up));
  weights_->Set(static_cast<double>(servable.model->weight_bytes()));
  arena_->Set(static_cast<double>(servable.model->arena_bytes()) * load.lanes);
  queue_ = servable.queue;
  batch_costs_.clear();
  if (queue_ == nullptr) return;
  for (const batching::BatchCost& cost : queue_->Costs()) {
    batch_costs_.push_back(
        Child(families_.batch_cost, With(labels_, "batch", absl::StrCat(cost.batch_size))));
  }
}

void VersionSeries::ReadCosts() const {
  const std::vector<batching::BatchCost> costs = queue_->Costs();
  for (size_t i = 0; i < batch_costs_.size(); ++i) batch_costs_[i]->Set(Seconds(costs[i].cost));
}

ModelSeries::ModelSeries(const Families& families, const std::string& model)
    : families_(families),
      model_(model),
      requests_(families, model),
      queue_(Child(families.queue_duration, {{"model", model}}, kSecondsBuckets)),
      decode_(Child(families.decode_duration, {{"model", model}}, kSecondsBuckets)),
      compute_(Child(families.compute_duration, {{"model", model}}, kSecondsBuckets)),
      batch_size_(Child(families.batch_size, {{"model", model}}, kBatchSizeBuckets)),
      lane_compute_(Child(families.lane_compute, {{"model", model}})),
      skipped_after_deadline_(SkippedSeries(families, model, Rejection::kDeadline)),
      skipped_after_cancel_(SkippedSeries(families, model, Rejection::kCancelled)) {
  static_assert(kAllCloseReasons.size() == kCloseReasons);
  for (const CloseReason reason : kAllCloseReasons) {
    batches_[static_cast<size_t>(reason)] =
        Child(families.batches, {{"model", model}, {"reason", ToString(reason)}});
  }
}

void ModelSeries::CountStages(std::string_view version, const engine::TaskTiming& timing,
                              absl::Duration answer) const {
  queue_->Observe(Seconds(timing.queue));
  decode_->Observe(Seconds(timing.prepare));
  compute_->Observe(Seconds(timing.compute));
  if (const TritonSeries* alias = triton(version)) alias->CountStages(timing, answer);
}

void ModelSeries::CountBatch(std::string_view version, int size, CloseReason reason,
                             absl::Duration compute) const {
  batch_size_->Observe(size);
  batches_[static_cast<size_t>(reason)]->Increment();
  lane_compute_->Increment(Seconds(compute));
  if (const TritonSeries* alias = triton(version)) alias->CountBatch(size);
}

void ModelSeries::CountSkipped(Rejection reason) const {
  (reason == Rejection::kDeadline ? skipped_after_deadline_ : skipped_after_cancel_)->Increment();
}

void ModelSeries::ReadQueues() const {
  double depth = 0;
  double capacity = 0;
  absl::Duration wait;
  for (const auto& [name, version] : versions_) {
    if (version.queue() == nullptr) continue;
    const int waiting = version.queue()->size();
    depth += waiting;
    capacity += version.queue()->options().capacity;
    wait = std::max(wait, version.queue()->PredictedWait());
    version.ReadCosts();
    if (version.triton() != nullptr) version.triton()->SetPending(waiting);
  }
  if (queue_depth_ == nullptr) return;
  predicted_wait_->Set(Seconds(wait));
  queue_depth_->Set(depth);
  queue_capacity_->Set(capacity);
}

void ModelSeries::SetState(const std::string& version, ModelState state) {
  const auto [entry, is_new] = versions_.try_emplace(version, families_, model_, version);
  entry->second.SetState(state);
  if (!is_new) return;
  for (const std::string_view method : kInferenceMethods) {
    requests_.Add(version, method, absl::StatusCode::kOk);
  }
}

void ModelSeries::SetLoaded(const engine::Servable& servable, const ModelLoad& load) {
  const auto version = versions_.find(servable.model->version());
  if (version == versions_.end()) return;
  version->second.SetLoaded(servable, load);
  if (queue_depth_ != nullptr) return;
  predicted_wait_ = Child(families_.predicted_wait, {{"model", model_}});
  queue_depth_ = Child(families_.queue_depth, {{"model", model_}});
  queue_capacity_ = Child(families_.queue_capacity, {{"model", model_}});
}

void ModelSeries::RemoveVersion(const std::string& version) {
  versions_.erase(version);
  requests_.RemoveVersion(version);
}

const TritonSeries* ModelSeries::triton(std::string_view version) const {
  if (!families_.triton.has_value()) return nullptr;
  const auto entry = versions_.find(version);
  return entry == versions_.end() ? nullptr : entry->second.triton();
}

}  // namespace siskin::metrics
