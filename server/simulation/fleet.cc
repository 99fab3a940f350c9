#include "server/simulation/fleet.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/status_macros.h"
#include "server/batching/task.h"
#include "server/simulation/random.h"

namespace siskin::simulation {
namespace {

// A replica, its queues and its life.
struct Member {
  std::unique_ptr<Replica> replica;
  std::vector<std::shared_ptr<batching::BatchQueue>> queues;  // of each model
  int zone = 0;
  Nanoseconds ordered = 0;
  Nanoseconds ready_at = 0;
  Nanoseconds left = kNever;  // gets no more requests
  int64_t unanswered = 0;
  Nanoseconds busy_before = 0;  // the last decision about scaling

  bool present() const { return left == kNever; }
  bool ready(Nanoseconds now) const { return present() && ready_at <= now; }
};

class Fleet : public EventHandler {
 public:
  Fleet(const FleetOptions& options, absl::Span<const ServedModel> models,
        absl::Span<const Request> requests)
      : options_(options),
        models_(models),
        requests_(requests),
        seeds_(options.seed),
        balancer_(options.balancing, options.zones, seeds_.Next()),
        clients_(seeds_.Next()),
        pending_(requests.size()) {
    run_.outcomes.resize(requests.size());
  }

  absl::StatusOr<FleetRun> Run();
  void Handle(int kind, int index) override;

 private:
  enum EventKind : int {
    kArrival,  // of a request, at its replica
    kScale
  };
  class Image;

  absl::Status AddMember(Nanoseconds ready_at);
  int EmptiestZone() const;
  int Present() const;
  void ScheduleArrival(size_t request);
  void Arrive(int index);
  Member& ChooseMember();
  void EndImage(int index, Member& member, std::optional<Rejection> rejection);
  void Scale();
  void RemoveMember();
  void AddUp();

  const FleetOptions& options_;
  const absl::Span<const ServedModel> models_;
  const absl::Span<const Request> requests_;
  Random seeds_;
  VirtualTime time_;
  Balancer balancer_;
  Random clients_;  // which zone they are in
  std::optional<Autoscaler> autoscaler_;
  FleetRun run_;
  absl::Status status_;
  std::vector<int> pending_;  // images of each request
  std::vector<Balancer::Target> targets_;
  // Those that left, too: they may have work. Last, since their tasks tell the rest.
  std::vector<std::unique_ptr<Member>> members_;
};

class Fleet::Image : public ReplicaTask {
 public:
  Image(Fleet& fleet, int request, Member& member, Nanoseconds deadline)
      : ReplicaTask(deadline, /*cancel=*/nullptr, fleet.options_.prepare, fleet.options_.prepare),
        fleet_(fleet),
        request_(request),
        member_(member) {}

  void Complete() override { fleet_.EndImage(request_, member_, std::nullopt); }
  void Fail(const absl::Status& status) override {
    fleet_.EndImage(request_, member_, RejectionOf(status));
  }

 private:
  Fleet& fleet_;
  const int request_;
  Member& member_;
};

absl::StatusOr<FleetRun> Fleet::Run() {
  for (int i = 0; i < options_.replicas; ++i) SISKIN_RETURN_IF_ERROR(AddMember(/*ready_at=*/0));
  if (options_.scaling.has_value()) {
    autoscaler_.emplace(*options_.scaling);
    time_.Schedule(Autoscaler::kInterval, *this, kScale, 0);
  }
  ScheduleArrival(0);
  while (!time_.empty() && status_.ok()) time_.RunNext();
  SISKIN_RETURN_IF_ERROR(status_);
  AddUp();
  return std::move(run_);
}

void Fleet::Handle(int kind, int index) {
  if (kind == kScale) return Scale();
  ScheduleArrival(index + 1);  // only now, which keeps the heap of events small
  Arrive(index);
}

absl::Status Fleet::AddMember(Nanoseconds ready_at) {
  auto member = std::make_unique<Member>();
  member->zone = EmptiestZone();
  member->ordered = time_.now();
  member->ready_at = ready_at;
  member->replica = std::make_unique<Replica>(
      ReplicaOptions{.lanes = options_.lanes, .seed = seeds_.Next()}, time_);
  for (const ServedModel& model : models_) {
    SISKIN_ASSIGN_OR_RETURN(auto queue, member->replica->AddModel(model));
    member->queues.push_back(std::move(queue));
  }
  members_.push_back(std::move(member));
  run_.most_replicas = std::max(run_.most_replicas, Present());
  return absl::OkStatus();
}

int Fleet::EmptiestZone() const {
  std::vector<int> replicas(options_.zones);
  for (const auto& member : members_) replicas[member->zone] += member->present();
  return static_cast<int>(std::min_element(replicas.begin(), replicas.end()) - replicas.begin());
}

int Fleet::Present() const {
  return static_cast<int>(std::count_if(members_.begin(), members_.end(),
                                        [](const auto& member) { return member->present(); }));
}

void Fleet::ScheduleArrival(size_t request) {
  if (request >= requests_.size()) return;
  time_.Schedule(requests_[request].time + options_.overhead / 2, *this, kArrival,
                 static_cast<int>(request));
}

Member& Fleet::ChooseMember() {
  targets_.clear();
  for (size_t i = 0; i < members_.size(); ++i) {
    const Member& member = *members_[i];
    if (!member.ready(time_.now())) continue;
    targets_.push_back({static_cast<int>(i), member.zone, member.unanswered});
  }
  return *members_[balancer_.Choose(clients_.Below(options_.zones), targets_)];
}

void Fleet::Arrive(int index) {
  const Request& request = requests_[index];
  Member& member = ChooseMember();
  const Nanoseconds deadline =
      options_.deadline == kNever ? kNever : request.time + options_.deadline;
  std::vector<std::unique_ptr<batching::Task>> tasks;
  tasks.reserve(request.images);
  for (int i = 0; i < request.images; ++i) {
    tasks.push_back(std::make_unique<Image>(*this, index, member, deadline));
  }
  Outcome& outcome = run_.outcomes[index];
  outcome.sent = request.time;
  run_.end = std::max(run_.end, time_.now());
  const absl::Status status = member.queues[request.model]->Enqueue(absl::MakeSpan(tasks));
  if (status.ok()) {
    pending_[index] = request.images;
    ++member.unanswered;
  } else {
    outcome.rejection = RejectionOf(status);
  }
  member.replica->OfferWork();
}

void Fleet::EndImage(int index, Member& member, std::optional<Rejection> rejection) {
  Outcome& outcome = run_.outcomes[index];
  if (rejection.has_value()) outcome.rejection = rejection;
  run_.end = std::max(run_.end, time_.now());
  if (--pending_[index] > 0) return;
  --member.unanswered;
  if (outcome.rejection.has_value()) return;
  outcome.latency = time_.now() + options_.overhead - options_.overhead / 2 - outcome.sent;
}

void Fleet::Scale() {
  const Nanoseconds now = time_.now();
  if (now > requests_.back().time) return;
  Nanoseconds busy = 0;
  for (const auto& member : members_) {
    const Nanoseconds total = member->replica->totals().busy;
    busy += total - std::exchange(member->busy_before, total);
  }
  const int present = Present();
  const double used = static_cast<double>(busy) / options_.lanes / Autoscaler::kInterval;
  const int wanted = autoscaler_->Decide(now, present, used);
  for (int i = present; i < wanted && status_.ok(); ++i) {
    status_ = AddMember(now + options_.scaling->lag);
  }
  for (int i = present; i > wanted; --i) RemoveMember();
  time_.Schedule(now + Autoscaler::kInterval, *this, kScale, 0);
}

// The one that was ready last or will be: one that has just begun to start costs least to lose.
void Fleet::RemoveMember() {
  Member* newest = nullptr;
  for (const auto& member : members_) {
    if (!member->present()) continue;
    if (newest == nullptr || member->ready_at >= newest->ready_at) newest = member.get();
  }
  newest->left = time_.now();
}

void Fleet::AddUp() {
  const auto seconds = [](Nanoseconds time) { return static_cast<double>(time) * 1e-9; };
  for (const auto& member : members_) {
    const Replica::Totals& totals = member->replica->totals();
    const Nanoseconds end = std::min(member->left, run_.end);
    run_.batches += totals.batches;
    run_.images += totals.images;
    run_.busy_seconds += seconds(totals.busy);
    run_.machine_seconds += seconds(std::max<Nanoseconds>(end - member->ordered, 0));
    run_.lane_seconds += options_.lanes * seconds(std::max<Nanoseconds>(end - member->ready_at, 0));
  }
}

}  // namespace

absl::StatusOr<FleetRun> RunFleet(const FleetOptions& options, absl::Span<const ServedModel> models,
                                  absl::Span<const Request> requests) {
  return Fleet(options, models, requests).Run();
}

}  // namespace siskin::simulation
