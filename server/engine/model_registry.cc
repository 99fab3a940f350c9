#include "server/engine/model_registry.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"

namespace siskin::engine {
namespace {

struct LegalTransition {
  ModelState from;
  ModelState to;
};

constexpr LegalTransition kLegalTransitions[] = {
    {ModelState::kLoading, ModelState::kWarming}, {ModelState::kLoading, ModelState::kFailed},
    {ModelState::kWarming, ModelState::kReady},   {ModelState::kWarming, ModelState::kFailed},
    {ModelState::kReady, ModelState::kDraining},  {ModelState::kDraining, ModelState::kUnloaded},
    {ModelState::kFailed, ModelState::kLoading},  {ModelState::kUnloaded, ModelState::kLoading},
};

// A version in its one spelling: "7", neither "07" nor "+7".
std::optional<int64_t> ParseVersion(std::string_view text) {
  int64_t version = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, version);
  if (error != std::errc() || rest != end || version < 1 || text.front() == '0') {
    return std::nullopt;
  }
  return version;
}

absl::Status UnknownVersion(const std::string& model, const std::string& version,
                            const std::string& hint = "") {
  return absl::NotFoundError(absl::StrCat("Request for unknown model: '", model, "' version ",
                                          version, " is not found", hint));
}

}  // namespace

const char* ToString(ModelState state) {
  switch (state) {
    case ModelState::kLoading:
      return "loading";
    case ModelState::kWarming:
      return "warming";
    case ModelState::kReady:
      return "ready";
    case ModelState::kDraining:
      return "draining";
    case ModelState::kUnloaded:
      return "unloaded";
    case ModelState::kFailed:
      return "failed";
  }
  return "unknown";
}

bool IsLegalTransition(ModelState from, ModelState to) {
  return std::any_of(std::begin(kLegalTransitions), std::end(kLegalTransitions),
                     [&](const LegalTransition& t) { return t.from == from && t.to == to; });
}

void ModelRegistry::AddListener(Listener listener) { listeners_.push_back(std::move(listener)); }

void ModelRegistry::Notify(const VersionStatus& status) const {
  for (const Listener& listener : listeners_) listener(status);
}

absl::Status ModelRegistry::Declare(const std::string& model, const std::string& version) {
  const std::optional<int64_t> number = ParseVersion(version);
  if (model.empty()) return absl::InvalidArgumentError("a model needs a name");
  if (!number.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the version of model '", model, "' must be a positive integer, it is '", version, "'"));
  }
  {
    absl::MutexLock lock(&mu_);
    if (!models_[model].try_emplace(*number).second) {
      return absl::AlreadyExistsError(
          absl::StrCat("model '", model, "' version ", version, " is declared already"));
    }
  }
  Notify({model, version, ModelState::kLoading, absl::OkStatus()});
  return absl::OkStatus();
}

absl::Status ModelRegistry::Transition(const std::string& model, const std::string& version,
                                       ModelState to, absl::Status reason) {
  if (to == ModelState::kReady) {
    return absl::FailedPreconditionError(absl::StrCat("model '", model, "' version ", version,
                                                      " becomes ready by being published, only"));
  }
  if (to != ModelState::kFailed) reason = absl::OkStatus();
  return Move(model, version, to, std::move(reason), nullptr);
}

absl::Status ModelRegistry::Publish(const std::string& model, const std::string& version,
                                    Servable servable) {
  return Move(model, version, ModelState::kReady, absl::OkStatus(),
              std::make_shared<const Servable>(std::move(servable)));
}

absl::Status ModelRegistry::Move(const std::string& model, const std::string& version,
                                 ModelState to, absl::Status reason,
                                 std::shared_ptr<const Servable> servable) {
  {
    absl::MutexLock lock(&mu_);
    const auto versions = models_.find(model);
    const std::optional<int64_t> number = ParseVersion(version);
    if (versions == models_.end() || !number.has_value()) return UnknownVersion(model, version);
    const auto it = versions->second.find(*number);
    if (it == versions->second.end()) return UnknownVersion(model, version);
    Entry& entry = it->second;
    if (!IsLegalTransition(entry.state, to)) {
      return absl::FailedPreconditionError(absl::StrCat("model '", model, "' version ", version,
                                                        " cannot go from ", ToString(entry.state),
                                                        " to ", ToString(to)));
    }
    entry.state = to;
    entry.reason = reason;
    entry.servable.swap(servable);  // the old one is freed below, without the lock
  }
  Notify({model, version, to, std::move(reason)});
  return absl::OkStatus();
}

std::string ModelRegistry::Names() const {
  return absl::StrJoin(models_, ", ",
                       [](std::string* out, const auto& entry) { out->append(entry.first); });
}

std::string ModelRegistry::Numbers(const Versions& versions) {
  return absl::StrJoin(versions, ", ", [](std::string* out, const auto& entry) {
    absl::StrAppend(out, entry.first);
  });
}

const ModelRegistry::Entry* ModelRegistry::HighestReady(const Versions& versions) {
  const auto ready = std::find_if(versions.rbegin(), versions.rend(), [](const auto& entry) {
    return entry.second.state == ModelState::kReady;
  });
  return ready == versions.rend() ? nullptr : &ready->second;
}

std::vector<std::string_view> ModelRegistry::ModelsFor(models::OutputKind kind) const {
  std::vector<std::string_view> names;
  for (const auto& [name, versions] : models_) {
    const Entry* const ready = HighestReady(versions);
    if (ready != nullptr && ready->servable->model->spec().output == kind) names.push_back(name);
  }
  return names;
}

// REQUIRES: there is a model.
absl::StatusOr<std::string_view> ModelRegistry::OnlyModel(
    std::optional<models::OutputKind> kind) const {
  if (models_.size() == 1) return models_.begin()->first;
  if (!kind.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the request names no model; this server has: ", Names()));
  }
  const std::vector<std::string_view> candidates = ModelsFor(*kind);
  if (candidates.size() == 1) return candidates.front();
  const char* const what = models::ToString(*kind);
  if (candidates.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the request names no model, and no ", what,
                                                   " is ready; this server has: ", Names()));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "the request names no model; this server has more than one ", what, ": ",
      absl::StrJoin(candidates, ", ",
                    [](std::string* out, std::string_view name) { out->append(name); })));
}

absl::StatusOr<const ModelRegistry::Versions*> ModelRegistry::FindModel(
    std::string_view model) const {
  const auto it = models_.find(model);
  if (it == models_.end()) {
    return absl::NotFoundError(absl::StrCat(
        "Request for unknown model: '", std::string(model), "' is not found; this server has ",
        models_.empty() ? "no models" : absl::StrCat("these: ", Names())));
  }
  return &it->second;
}

absl::StatusOr<std::shared_ptr<const Servable>> ModelRegistry::Resolve(
    std::string_view model, std::string_view version,
    std::optional<models::OutputKind> kind) const {
  absl::ReaderMutexLock lock(&mu_);
  if (model.empty() && !models_.empty()) {
    SISKIN_ASSIGN_OR_RETURN(model, OnlyModel(kind));
  }
  SISKIN_ASSIGN_OR_RETURN(const Versions* const versions, FindModel(model));
  auto found = std::prev(versions->end());  // a known model has a version
  if (!version.empty()) {
    const std::optional<int64_t> number = ParseVersion(version);
    found = number.has_value() ? versions->find(*number) : versions->end();
    if (found == versions->end()) {
      return UnknownVersion(std::string(model), std::string(version),
                            absl::StrCat("; this server has these: ", Numbers(*versions)));
    }
  } else if (const Entry* const ready = HighestReady(*versions)) {
    return ready->servable;
  }
  const auto& [number, entry] = *found;
  if (entry.state == ModelState::kReady) return entry.servable;
  const std::string why = entry.reason.ok() ? "" : absl::StrCat(": ", entry.reason.message());
  return absl::FailedPreconditionError(absl::StrCat("model '", std::string(model), "' version ",
                                                    number, " is not ready, it is ",
                                                    ToString(entry.state), why));
}

std::vector<VersionStatus> ModelRegistry::List() const {
  std::vector<VersionStatus> list;
  absl::ReaderMutexLock lock(&mu_);
  for (const auto& [model, versions] : models_) {
    for (const auto& [version, entry] : versions) {
      list.push_back({model, absl::StrCat(version), entry.state, entry.reason});
    }
  }
  return list;
}

bool ModelRegistry::AllReady() const {
  absl::ReaderMutexLock lock(&mu_);
  return !models_.empty() && std::all_of(models_.begin(), models_.end(), [](const auto& model) {
    return std::all_of(model.second.begin(), model.second.end(), [](const auto& version) {
      return version.second.state == ModelState::kReady;
    });
  });
}

}  // namespace siskin::engine
