#include "server/metrics/version_series.h"

#include "server/engine/loaded_model.h"

namespace siskin::metrics {
namespace {

using engine::ModelState;
using prometheus::Labels;

// kUnloaded has no series: those of the version are gone then.
constexpr std::array kExposedStates = {ModelState::kLoading, ModelState::kWarming,
                                       ModelState::kReady, ModelState::kDraining,
                                       ModelState::kFailed};

Labels With(Labels labels, const char* name, const char* value) {
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
}

}  // namespace siskin::metrics
