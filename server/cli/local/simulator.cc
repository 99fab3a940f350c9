#include "server/cli/local/simulator.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/cpu_budget.h"
#include "base/status_macros.h"
#include "server/simulation/search.h"

namespace siskin::cli {
namespace {

using simulation::Balancing;
using simulation::FleetOptions;
using simulation::NamedModel;
using simulation::Nanoseconds;
using simulation::Objective;
using simulation::Request;
using simulation::ServedModel;

Nanoseconds ToNanoseconds(absl::Duration time) { return absl::ToInt64Nanoseconds(time); }

const std::pair<const char*, Balancing> kBalancings[] = {
    {"round_robin", Balancing::kRoundRobin},
    {"least_request", Balancing::kLeastRequest},
    {"random", Balancing::kRandom},
    {"p2c", Balancing::kPowerOfTwo},
};

Balancing BalancingOf(const std::string& name) {
  const auto* const found = std::find_if(std::begin(kBalancings), std::end(kBalancings),
                                         [&](const auto& named) { return named.first == name; });
  return found->second;
}

// Runs fleets that are alike but for the rate or the replicas.
class Simulator {
 public:
  static absl::StatusOr<Simulator> Make(const SimulateFlags& flags,
                                        std::vector<NamedModel> models) {
    Simulator made(flags, std::move(models));
    for (const std::string& text : flags.objectives) {
      SISKIN_ASSIGN_OR_RETURN(Objective objective, simulation::ParseObjective(text));
      made.objectives_.push_back(std::move(objective));
    }
    SISKIN_RETURN_IF_ERROR(made.ReadLoad());
    return made;
  }

  absl::StatusOr<SimulationAnswer> Answer() {
    answer_.question = QuestionOf(flags_);
    bool found = true;
    switch (answer_.question) {
      case Question::kWhatIf:
        Try();
        break;
      case Question::kLargestRate:
        found = FindRate();
        break;
      case Question::kFewestReplicas:
        found = FindReplicas();
        break;
    }
    SISKIN_RETURN_IF_ERROR(status_);
    if (!found) return absl::NotFoundError(NothingMeetsIt());
    return std::move(answer_);
  }

 private:
  Simulator(const SimulateFlags& flags, std::vector<NamedModel> models) : flags_(flags) {
    for (const NamedModel& model : models) served_.push_back(model.served);
    answer_.models = std::move(models);
    answer_.balancing = flags.balancing;
    answer_.price = flags.price;
    answer_.rate = flags.rate;
    FleetOptions& fleet = answer_.fleet;
    fleet.replicas = flags.replicas.value_or(1);
    fleet.lanes = flags.lanes.value_or(DetectCpuBudget().lanes());
    fleet.zones = flags.zones;
    fleet.balancing = BalancingOf(flags.balancing);
    if (flags.deadline > absl::ZeroDuration()) fleet.deadline = ToNanoseconds(flags.deadline);
    fleet.overhead = ToNanoseconds(flags.overhead);
    fleet.prepare = ToNanoseconds(flags.prepare);
    fleet.seed = static_cast<uint64_t>(flags.seed);
    if (flags.scale_max.has_value()) {
      fleet.scaling = {.least = flags.scale_min,
                       .most = *flags.scale_max,
                       .target = flags.scale_target,
                       .lag = ToNanoseconds(flags.scale_lag)};
      fleet.replicas = flags.scale_min;
    }
  }

  absl::Status ReadLoad() {
    std::vector<std::string> names;
    for (const NamedModel& model : answer_.models) names.push_back(model.name);
    if (!flags_.trace.empty()) {
      SISKIN_ASSIGN_OR_RETURN(const std::string text, ReadFile(flags_.trace));
      SISKIN_ASSIGN_OR_RETURN(requests_, simulation::ParseTrace(text, flags_.trace, names));
      return absl::OkStatus();
    }
    if (names.size() == 1) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "which model? there are costs of ", absl::StrJoin(names, ", "), "; choose with --model"));
  }

  // A run with the rate and the replicas that the answer has, which is complete then. False, too,
  // if there is an error.
  bool Try() {
    status_ = Run();
    return status_.ok() && answer_.report.met();
  }

  absl::Status Run() {
    if (flags_.trace.empty()) SISKIN_RETURN_IF_ERROR(DrawLoad());
    SISKIN_ASSIGN_OR_RETURN(const simulation::FleetRun run,
                            simulation::RunFleet(answer_.fleet, served_, requests_));
    answer_.report = simulation::Summarize(run, answer_.fleet.deadline, objectives_);
    return absl::OkStatus();
  }

  absl::Status DrawLoad() {
    simulation::LoadOptions load = {.rate = *answer_.rate,
                                    .burst = flags_.burst,
                                    .images = flags_.images,
                                    .requests = flags_.requests,
                                    .seed = static_cast<uint64_t>(flags_.seed)};
    if (flags_.length > absl::ZeroDuration()) {
      load.requests = kMostRequests;
      load.until = ToNanoseconds(flags_.length);
    }
    requests_ = simulation::DrawRequests(load);
    if (!requests_.empty() && requests_.size() < kMostRequests) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrFormat("expected 1 to %d requests, but within %s at %g a second there are %s; "
                        "choose another --duration",
                        kMostRequests, absl::FormatDuration(flags_.length), load.rate,
                        requests_.empty() ? "none" : "more"));
  }

  bool TryRate(double rate) {
    if (!status_.ok()) return false;
    answer_.rate = rate;
    return Try();
  }

  bool TryReplicas(int replicas) {
    if (!status_.ok()) return false;
    answer_.fleet.replicas = replicas;
    return Try();
  }

  // What all lanes can do in their best batches, and nothing else.
  double Capacity() const {
    const ServedModel& model = served_.front();
    const double image = 1e-9 / model.truth.Rate(model.queue.limits.max_batch_size) +
                         absl::ToDoubleSeconds(flags_.prepare);
    return answer_.fleet.replicas * answer_.fleet.lanes / (image * flags_.images);
  }

  // The run of what was found is made once more: the last one that was tried need not be it.
  bool FindRate() {
    const auto rate =
        simulation::LargestRate(Capacity(), [this](double tried) { return TryRate(tried); });
    return rate.has_value() && TryRate(*rate);
  }

  bool FindReplicas() {
    const auto meets = [this](int tried) { return TryReplicas(std::max(tried, flags_.zones)); };
    const auto replicas = simulation::LeastReplicas(kMostReplicas, meets);
    return replicas.has_value() && meets(*replicas);
  }

  std::string NothingMeetsIt() const {
    const std::string objectives = absl::StrJoin(flags_.objectives, " and ");
    if (answer_.question == Question::kFewestReplicas) {
      return absl::StrCat("not even ", kMostReplicas, " replicas meet ", objectives);
    }
    return absl::StrFormat("no rate meets %s: not even %.3g requests/s, a request now and then",
                           objectives, *answer_.rate);
  }

  const SimulateFlags& flags_;
  std::vector<Objective> objectives_;
  std::vector<ServedModel> served_;
  std::vector<Request> requests_;  // of the trace, or of the last rate
  SimulationAnswer answer_;
  absl::Status status_;
};

}  // namespace

std::vector<std::string> BalancingNames() {
  std::vector<std::string> names;
  for (const auto& [name, policy] : kBalancings) names.push_back(name);
  return names;
}

bool HasLoad(const SimulateFlags& flags) { return flags.rate.has_value() || !flags.trace.empty(); }

Question QuestionOf(const SimulateFlags& flags) {
  if (!HasLoad(flags)) return Question::kLargestRate;
  const bool open = !flags.replicas.has_value() && !flags.scale_max.has_value();
  return open && !flags.objectives.empty() ? Question::kFewestReplicas : Question::kWhatIf;
}

absl::StatusOr<SimulationAnswer> AnswerQuestion(const SimulateFlags& flags,
                                                std::vector<NamedModel> models) {
  SISKIN_ASSIGN_OR_RETURN(Simulator simulator, Simulator::Make(flags, std::move(models)));
  return simulator.Answer();
}

}  // namespace siskin::cli
