#include "tests/simulation/simulation.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace siskin::simulation {
namespace {

// A run that has so many is one that never ends.
constexpr int64_t kMostEvents = 10'000'000;

// What has to come of the priority and the timeout of a request, by the contract of priorities.h.
void SetLevel(const Arrival& arrival, const batching::Priorities& priorities, TaskRecord& record) {
  const bool known = arrival.priority >= 1 && arrival.priority <= priorities.levels.size();
  record.level = known ? static_cast<int>(arrival.priority) : priorities.default_level;
  const batching::LevelPolicy& policy = priorities.levels[record.level - 1];
  record.is_delayed = policy.timeout_action == batching::TimeoutAction::kDelay;
  if (policy.default_timeout == absl::InfiniteDuration()) return;
  Nanoseconds timeout = absl::ToInt64Nanoseconds(policy.default_timeout);
  if (policy.allow_timeout_override) timeout = std::min(timeout, arrival.timeout);
  record.expires = record.arrived + timeout;
}

}  // namespace

class Simulation::SimulatedTask : public ReplicaTask {
 public:
  SimulatedTask(Simulation& simulation, TaskRecord& record)
      : ReplicaTask(
            record.deadline,
            // No owner: the record outlives the task.
            std::shared_ptr<const batching::CancelFlag>(std::shared_ptr<void>(), &record.cancel),
            record.prepare, record.true_prepare),
        simulation_(simulation),
        record_(record) {}
  ~SimulatedTask() override { simulation_.invariants_.Destroyed(record_, simulation_.time_.now()); }

  void Fail(const absl::Status& status) override {
    const Nanoseconds now = simulation_.time_.now();
    if (simulation_.trail_.on()) {
      simulation_.trail_.Add(now, "task ", record_.id, " failed: ", Text(status));
    }
    simulation_.invariants_.Failed(record_, status, now);
  }
  void Complete() override { simulation_.invariants_.Completed(record_, simulation_.time_.now()); }
  TaskRecord& record() { return record_; }

 private:
  Simulation& simulation_;
  TaskRecord& record_;
};

Simulation::Simulation(const Scenario& scenario, bool traced)
    : scenario_(scenario),
      trail_(traced),
      invariants_(scenario),
      queues_(scenario.models.size()),
      replica_(std::make_unique<Replica>(ReplicaOptions{.lanes = scenario.lanes,
                                                        .disturbances = scenario.disturbances,
                                                        .jitter = scenario.jitter,
                                                        .seed = scenario.seed},
                                         time_, this)) {
  int images = 0;
  for (const Arrival& arrival : scenario.arrivals) {
    first_task_.push_back(images);
    images += arrival.images;
  }
  tasks_ = std::vector<TaskRecord>(images);
}

Simulation::~Simulation() {
  // Tasks tell the invariants, which must still be there.
  queues_.clear();
  replica_.reset();
}

void Simulation::Run() {
  ScheduleAll();
  while (!time_.empty() && !invariants_.violated()) {
    time_.RunNext();
    if (replica_ == nullptr) break;
    if (++counts_.events > kMostEvents) invariants_.Violate(time_.now(), "it does not end");
    // All has been done: what waits for company gets none any more.
    if (time_.empty() && invariants_.waiting() > 0) Schedule(time_.now(), kDrain, 0);
  }
  if (!invariants_.violated()) invariants_.AtEnd(tasks_, time_.now());
}

void Simulation::Schedule(Nanoseconds time, EventKind kind, int index) {
  time_.Schedule(time, *this, kind, index);
}

void Simulation::ScheduleAll() {
  for (size_t i = 0; i < scenario_.models.size(); ++i) {
    const Model& model = scenario_.models[i];
    const int index = static_cast<int>(i);
    if (model.added_at == 0) {
      Add(index);
    } else {
      Schedule(model.added_at, kAdd, index);
    }
    if (model.removed_at != kNever) Schedule(model.removed_at, kRemove, index);
  }
  if (scenario_.drained_at != kNever) Schedule(scenario_.drained_at, kDrain, 0);
  if (scenario_.destroyed_at != kNever) Schedule(scenario_.destroyed_at, kDestroy, 0);
  if (!scenario_.arrivals.empty()) Schedule(scenario_.arrivals[0].time, kArrival, 0);
}

void Simulation::Handle(int kind, int index) {
  Happen(static_cast<EventKind>(kind), index);
  if (replica_ != nullptr && !invariants_.violated()) replica_->OfferWork();
}

void Simulation::Happen(EventKind kind, int index) {
  switch (kind) {
    case kArrival:
      return Arrive(index);
    case kCancel:
      return Cancel(index);
    case kTurn:
      return invariants_.TurnHasCome(tasks_[index], time_.now());
    case kAdd:
      return Add(index);
    case kRemove:
      return Remove(index);
    case kDrain:
      return Drain();
    case kDestroy:
      return Destroy();
  }
}

void Simulation::Arrive(int index) {
  const Arrival& arrival = scenario_.arrivals[index];
  const size_t next = index + 1;
  // The next one is scheduled now, which keeps the heap small.
  if (next < scenario_.arrivals.size()) {
    Schedule(scenario_.arrivals[next].time, kArrival, static_cast<int>(next));
  }
  batching::BatchQueue* const queue = queues_[arrival.model].get();
  if (queue == nullptr) return;  // no client knows the model yet
  const Nanoseconds now = arrival.time;
  const absl::Span<TaskRecord> records =
      absl::MakeSpan(tasks_).subspan(first_task_[index], arrival.images);
  std::array<std::unique_ptr<batching::Task>, kMostImages> tasks;
  for (size_t i = 0; i < records.size(); ++i) {
    TaskRecord& record = records[i];
    record.id = first_task_[index] + static_cast<int>(i);
    record.model = arrival.model;
    record.arrived = now;
    record.deadline = arrival.deadline;
    const batching::QueueOptions& options = scenario_.models[arrival.model].queue;
    record.turn =
        std::min(arrival.deadline,
                 now + (options.in_order ? 0 : absl::ToInt64Nanoseconds(batching::kMaxOvertaking)));
    if (options.priorities.has_value()) SetLevel(arrival, *options.priorities, record);
    record.prepare = arrival.prepare;
    record.true_prepare = arrival.true_prepare;
    tasks[i] = std::make_unique<SimulatedTask>(*this, record);
    tasks[i]->set_priority(arrival.priority, arrival.timeout == kNever
                                                 ? absl::InfiniteDuration()
                                                 : absl::Nanoseconds(arrival.timeout));
  }
  const absl::Status status = queue->Enqueue(absl::MakeSpan(tasks.data(), records.size()));
  const auto kept =
      std::count_if(tasks.begin(), tasks.end(), [](const auto& task) { return task != nullptr; });
  ++counts_.requests;
  if (trail_.on()) {
    trail_.Add(now, "model ", arrival.model, " tasks ", records[0].id, "..", records.back().id,
               " deadline ", Text(arrival.deadline), ": ", Text(status));
  }
  invariants_.Enqueued(records, kept, status, now);
  if (!status.ok()) return;
  if (arrival.cancelled_at != kNever) Schedule(arrival.cancelled_at, kCancel, index);
  if (arrival.deadline == kNever && invariants_.guarantees().start()) {
    Schedule(records.back().turn, kTurn, records.back().id);
  }
}

void Simulation::Cancel(int index) {
  trail_.Add(time_.now(), "tasks from ", first_task_[index], " on are cancelled");
  for (int i = 0; i < scenario_.arrivals[index].images; ++i) {
    tasks_[first_task_[index] + i].cancel.Cancel();
  }
}

void Simulation::Add(int model) {
  const Model& made = scenario_.models[model];
  auto queue = replica_->AddModel(made);
  if (!queue.ok()) return invariants_.Violate(time_.now(), Text(queue.status()));
  queues_[model] = *std::move(queue);
  invariants_.Added(model, queues_[model], time_.now());
  trail_.Add(time_.now(), "model ", model, " is added");
}

void Simulation::Remove(int model) {
  trail_.Add(time_.now(), "model ", model, " is removed");
  ++counts_.models_removed;
  invariants_.Removing(model);
  replica_->scheduler().RemoveQueue(*queues_[model]);
  invariants_.Removed(model, time_.now());
}

void Simulation::Drain() {
  trail_.Add(time_.now(), "the scheduler drains");
  replica_->scheduler().Drain();
  invariants_.Drained();
}

void Simulation::Destroy() {
  trail_.Add(time_.now(), "the scheduler is destroyed");
  replica_->CompleteRunning();  // by its lanes
  invariants_.Destroying();
  replica_.reset();
}

void Simulation::Started(const batching::Batch& batch, int lane) {
  ++counts_.batches;
  started_.clear();
  for (const auto& task : batch.tasks) {
    started_.push_back(&static_cast<SimulatedTask&>(*task).record());
  }
  if (trail_.on()) {
    std::string ids;
    for (const TaskRecord* const task : started_) absl::StrAppend(&ids, " ", task->id);
    trail_.Add(time_.now(), "lane ", lane, " starts tasks", ids, ", ",
               batching::ToString(batch.reason));
  }
  invariants_.Started(batch, started_, lane, time_.now());
}

void Simulation::PlanEnded(const batching::Batch& batch, int size, absl::Duration took) {
  const auto* const model = static_cast<const Model*>(static_cast<const ServedModel*>(batch.owner));
  invariants_.Observed(static_cast<int>(model - scenario_.models.data()), size, took, time_.now());
}

void Simulation::LaneIsFree(int lane) {
  invariants_.LaneIsFree(lane);
  trail_.Add(time_.now(), "lane ", lane, " is free");
}

void Simulation::Offered(MonotonicTime next_due) { invariants_.AfterEvent(next_due, time_.now()); }

Counts Simulation::Count() const {
  Counts counts = counts_;
  counts.schedules = 1;
  counts.cut = scenario_.drained_at != kNever || scenario_.destroyed_at != kNever;
  counts.disturbed = !scenario_.disturbances.empty();
  for (const TaskRecord& task : tasks_) CountTask(task, counts);
  return counts;
}

void Simulation::CountTask(const TaskRecord& task, Counts& counts) const {
  if (task.state == TaskState::kNew) return;
  ++counts.images;
  if (task.state == TaskState::kRefused) {
    if (task.rejection.has_value()) ++counts.refused[static_cast<size_t>(*task.rejection)];
    return;
  }
  ++counts.accepted;
  counts.trials += task.trial;
  counts.overdue += task.latest_start != kNever;
  const bool completed = task.state == TaskState::kCompleted;
  counts.completed += completed;
  counts.late += completed && task.ended > task.deadline;
  if (task.rejection.has_value()) ++counts.failed[static_cast<size_t>(*task.rejection)];
  if (task.deadline == kNever || task.trial || !invariants_.guarantees().start()) return;
  const bool broken = task.rejection == Rejection::kDeadline || task.ended > task.deadline;
  const bool promised = invariants_.guarantees().in_time();
  ++(promised ? counts.promised : counts.shared);
  (promised ? counts.broken : counts.shared_broken) += broken;
}

}  // namespace siskin::simulation
