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

void VirtualClock::WaitUntil(CondVar&, absl::Mutex&, MonotonicTime) {
  std::fputs("the scheduler waits in a simulation\n", stderr);
  std::abort();
}

class Simulation::SimulatedTask : public batching::Task {
 public:
  SimulatedTask(Simulation& simulation, TaskRecord& record)
      : Task(FromStart(record.deadline),
             // No owner: the record outlives the task.
             std::shared_ptr<const batching::CancelFlag>(std::shared_ptr<void>(), &record.cancel)),
        simulation_(simulation),
        record_(record) {
    set_prepare_cost(absl::Nanoseconds(record.prepare));
  }
  ~SimulatedTask() override {
    simulation_.invariants_.Destroyed(record_, simulation_.clock_.now());
  }

  void Fail(const absl::Status& status) override {
    const Nanoseconds now = simulation_.clock_.now();
    if (simulation_.trail_.on()) {
      simulation_.trail_.Add(now, "task ", record_.id, " failed: ", Text(status));
    }
    simulation_.invariants_.Failed(record_, status, now);
  }
  void Complete() { simulation_.invariants_.Completed(record_, simulation_.clock_.now()); }
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
      lanes_(scenario.lanes),
      random_(scenario.seed),
      scheduler_(std::make_unique<batching::Scheduler>(clock_)) {
  scheduler_->SetLanes(scenario.lanes);
  int images = 0;
  for (const Arrival& arrival : scenario.arrivals) {
    first_task_.push_back(images);
    images += arrival.images;
  }
  tasks_ = std::vector<TaskRecord>(images);
  for (const Disturbance& disturbance : scenario.disturbances) {
    lanes_[disturbance.lane].disturbances.push_back(disturbance);
  }
}

Simulation::~Simulation() {
  // Tasks tell the invariants, which must still be there.
  for (Lane& lane : lanes_) lane.batch.tasks.clear();
  queues_.clear();
  scheduler_.reset();
}

void Simulation::Run() {
  ScheduleAll();
  while (!events_.empty() && !invariants_.violated()) {
    const Event event = NextEvent();
    clock_.Set(event.time);
    Handle(event);
    if (scheduler_ == nullptr) break;
    OfferWork();
    if (++counts_.events > kMostEvents) invariants_.Violate(event.time, "it does not end");
    // All has been done: what waits for company gets none any more.
    if (events_.empty() && invariants_.waiting() > 0) Schedule(event.time, EventKind::kDrain, 0);
  }
  if (!invariants_.violated()) invariants_.AtEnd(tasks_, clock_.now());
}

void Simulation::Schedule(Nanoseconds time, EventKind kind, int index) {
  events_.push_back({time, sequence_++, kind, index});
  std::push_heap(events_.begin(), events_.end());
}

Simulation::Event Simulation::NextEvent() {
  std::pop_heap(events_.begin(), events_.end());
  const Event event = events_.back();
  events_.pop_back();
  return event;
}

void Simulation::ScheduleAll() {
  for (size_t i = 0; i < scenario_.models.size(); ++i) {
    const Model& model = scenario_.models[i];
    const int index = static_cast<int>(i);
    if (model.added_at == 0) {
      Add(index);
    } else {
      Schedule(model.added_at, EventKind::kAdd, index);
    }
    if (model.removed_at != kNever) Schedule(model.removed_at, EventKind::kRemove, index);
  }
  if (scenario_.drained_at != kNever) Schedule(scenario_.drained_at, EventKind::kDrain, 0);
  if (scenario_.destroyed_at != kNever) Schedule(scenario_.destroyed_at, EventKind::kDestroy, 0);
  if (!scenario_.arrivals.empty()) Schedule(scenario_.arrivals[0].time, EventKind::kArrival, 0);
}

void Simulation::Handle(const Event& event) {
  switch (event.kind) {
    case EventKind::kArrival:
      return Arrive(event.index);
    case EventKind::kCancel:
      return Cancel(event.index);
    case EventKind::kTurn:
      return invariants_.TurnHasCome(tasks_[event.index], event.time);
    case EventKind::kPlanEnds:
      return EndPlan(event.index);
    case EventKind::kAdd:
      return Add(event.index);
    case EventKind::kRemove:
      return Remove(event.index);
    case EventKind::kDrain:
      return Drain();
    case EventKind::kDestroy:
      return Destroy();
    case EventKind::kLook:
      look_at_ = kNever;
      return;
  }
}

void Simulation::Arrive(int index) {
  const Arrival& arrival = scenario_.arrivals[index];
  const size_t next = index + 1;
  // The next one is scheduled now, which keeps the heap small.
  if (next < scenario_.arrivals.size()) {
    Schedule(scenario_.arrivals[next].time, EventKind::kArrival, static_cast<int>(next));
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
  if (arrival.cancelled_at != kNever) Schedule(arrival.cancelled_at, EventKind::kCancel, index);
  if (arrival.deadline == kNever && invariants_.guarantees().start()) {
    Schedule(records.back().turn, EventKind::kTurn, records.back().id);
  }
}

void Simulation::Cancel(int index) {
  trail_.Add(clock_.now(), "tasks from ", first_task_[index], " on are cancelled");
  for (int i = 0; i < scenario_.arrivals[index].images; ++i) {
    tasks_[first_task_[index] + i].cancel.Cancel();
  }
}

void Simulation::Add(int model) {
  const Model& made = scenario_.models[model];
  auto queue = scheduler_->AddQueue(made.queue, &made);
  if (!queue.ok()) return invariants_.Violate(clock_.now(), Text(queue.status()));
  queues_[model] = *std::move(queue);
  invariants_.Added(model, queues_[model], clock_.now());
  trail_.Add(clock_.now(), "model ", model, " is added");
}

void Simulation::Remove(int model) {
  trail_.Add(clock_.now(), "model ", model, " is removed");
  ++counts_.models_removed;
  invariants_.Removing(model);
  scheduler_->RemoveQueue(*queues_[model]);
  invariants_.Removed(model, clock_.now());
}

void Simulation::Drain() {
  trail_.Add(clock_.now(), "the scheduler drains");
  scheduler_->Drain();
  invariants_.Drained();
}

void Simulation::Destroy() {
  trail_.Add(clock_.now(), "the scheduler is destroyed");
  // What runs is ended by its lane.
  for (Lane& lane : lanes_) {
    while (lane.busy && lane.ended < lane.batch.tasks.size()) {
      static_cast<SimulatedTask&>(*lane.batch.tasks[lane.ended++]).Complete();
    }
  }
  invariants_.Destroying();
  scheduler_.reset();
}

int Simulation::LaneToOffer() const {
  int free = -1;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    if (lanes_[i].reports) return static_cast<int>(i);
    if (!lanes_[i].busy) free = static_cast<int>(i);
  }
  return free;
}

// One refusal is enough for all free lanes: nothing changes between two of them.
void Simulation::OfferWork() {
  next_due_ = MonotonicTime::InfiniteFuture();
  while (!invariants_.violated()) {
    const int lane = LaneToOffer();
    if (lane < 0) break;
    if (!lanes_[lane].reports && invariants_.waiting() == 0) break;
    if (!Offer(lane)) break;
  }
  if (invariants_.violated()) return;
  const Nanoseconds now = clock_.now();
  invariants_.AfterEvent(next_due_, now);
  const Nanoseconds due = SinceStart(next_due_);
  if (due < look_at_) {
    look_at_ = std::max(due, now);
    Schedule(look_at_, EventKind::kLook, 0);
  }
}

bool Simulation::Offer(int index) {
  Lane& lane = lanes_[index];
  lane.reports = false;
  if (!scheduler_->TakeBatch(lane.batch, index, next_due_)) return false;
  lane.busy = true;
  lane.ended = 0;
  ++counts_.batches;
  started_.clear();
  for (const auto& task : lane.batch.tasks) {
    started_.push_back(&static_cast<SimulatedTask&>(*task).record());
  }
  if (trail_.on()) {
    std::string ids;
    for (const TaskRecord* const task : started_) absl::StrAppend(&ids, " ", task->id);
    trail_.Add(clock_.now(), "lane ", index, " starts tasks", ids, ", ",
               batching::ToString(lane.batch.reason));
  }
  invariants_.Started(lane.batch, started_, index, clock_.now());
  if (!invariants_.violated()) StartPlan(lane);
  return true;
}

void Simulation::StartPlan(Lane& lane) {
  const auto& tasks = lane.batch.tasks;
  const Model& model = *static_cast<const Model*>(lane.batch.owner);
  lane.running = model.truth.PlanFor(static_cast<int>(tasks.size() - lane.ended));
  Nanoseconds prepare = 0;
  for (size_t i = 0; i < lane.running; ++i) {
    prepare += static_cast<SimulatedTask&>(*tasks[lane.ended + i]).record().true_prepare;
  }
  lane.compute_started = EndOf(lane.disturbances, clock_.now(), prepare);
  Nanoseconds compute = model.truth.CostOfPlan(static_cast<int>(lane.running));
  if (scenario_.jitter > 0) {
    compute += static_cast<Nanoseconds>(static_cast<double>(compute) * scenario_.jitter *
                                        random_.Uniform());
  }
  Schedule(EndOf(lane.disturbances, lane.compute_started, compute), EventKind::kPlanEnds,
           static_cast<int>(&lane - lanes_.data()));
}

void Simulation::EndPlan(int index) {
  Lane& lane = lanes_[index];
  const Nanoseconds now = clock_.now();
  const Model* const model = static_cast<const Model*>(lane.batch.owner);
  const absl::Duration took = absl::Nanoseconds(now - lane.compute_started);
  const int size = static_cast<int>(lane.running);
  lane.batch.queue->Observe(size, took);
  invariants_.Observed(static_cast<int>(model - scenario_.models.data()), size, took, now);
  for (; lane.running > 0; --lane.running) {
    static_cast<SimulatedTask&>(*lane.batch.tasks[lane.ended++]).Complete();
  }
  if (lane.ended < lane.batch.tasks.size()) return StartPlan(lane);
  lane.busy = false;
  lane.reports = true;
  invariants_.LaneIsFree(index);
  trail_.Add(now, "lane ", index, " is free");
}

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
