// A run of the real scheduler on one thread, in virtual time: lanes, clients and the clock are
// simulated, the same in every run of the same scenario. Nothing waits, so that a second of load
// takes as long as its list operations do.
//
// After every event each free lane is offered work, and Invariants looks at what came of it.
#ifndef SISKIN_TESTS_SIMULATION_SIMULATION_H_
#define SISKIN_TESTS_SIMULATION_SIMULATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/batching/scheduler.h"
#include "tests/simulation/counts.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/random.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/trail.h"

namespace siskin::simulation {

class VirtualClock : public Clock {
 public:
  MonotonicTime Now() override { return now_; }
  // Must not be called: nothing waits.
  void WaitUntil(CondVar& condition, absl::Mutex& mutex, MonotonicTime deadline) override;

  Nanoseconds now() const { return SinceStart(now_); }
  void Set(Nanoseconds time) { now_ = FromStart(time); }

 private:
  MonotonicTime now_ = FromStart(0);
};

class Simulation {
 public:
  // `scenario` outlives the simulation. `traced`: the trail is written.
  explicit Simulation(const Scenario& scenario, bool traced = false);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Until nothing is left to happen, or an invariant is violated. Once.
  void Run();

  const std::string& violation() const { return invariants_.violation(); }  // empty: none
  const std::string& trail() const { return trail_.text(); }
  Counts Count() const;
  absl::Span<const TaskRecord> tasks() const { return tasks_; }

 private:
  enum class EventKind : uint8_t {
    kArrival,   // of a request
    kCancel,    // of a request
    kTurn,      // of a task: it has waited for kMaxOvertaking
    kPlanEnds,  // of a lane
    kAdd,       // of a model
    kRemove,    // of a model
    kDrain,
    kDestroy,
    kLook  // a batch is due that waited for company
  };
  struct Event {
    Nanoseconds time = 0;
    uint32_t sequence = 0;  // of two events at the same time the one that was scheduled first
    EventKind kind = EventKind::kLook;
    int index = 0;                              // of the arrival, task, lane or model
    bool operator<(const Event& other) const {  // later is less: heaps have the largest first
      return time != other.time ? time > other.time : sequence > other.sequence;
    }
  };
  struct Lane {
    batching::Batch batch;
    bool busy = false;
    bool reports = false;  // it has just become free, which the scheduler does not know yet
    size_t ended = 0;      // tasks of `batch`
    size_t running = 0;    // tasks of `batch` behind those, in the plan that runs
    Nanoseconds compute_started = 0;
    std::vector<Disturbance> disturbances;
  };
  class SimulatedTask;

  void Schedule(Nanoseconds time, EventKind kind, int index);
  void ScheduleAll();
  Event NextEvent();
  void Handle(const Event& event);
  void Arrive(int index);
  void Cancel(int arrival);
  void Add(int model);
  void Remove(int model);
  void Drain();
  void Destroy();
  void OfferWork();
  bool Offer(int lane);
  int LaneToOffer() const;  // -1: none is free
  void StartPlan(Lane& lane);
  void EndPlan(int lane);
  void CountTask(const TaskRecord& task, Counts& counts) const;

  const Scenario& scenario_;
  Trail trail_;
  VirtualClock clock_;
  Invariants invariants_;
  std::vector<TaskRecord> tasks_;                              // of all arrivals, in order
  std::vector<int> first_task_;                                // of each arrival
  std::vector<std::shared_ptr<batching::BatchQueue>> queues_;  // of each model; null: not added
  std::vector<Lane> lanes_;
  std::vector<Event> events_;  // a heap
  uint32_t sequence_ = 0;
  Nanoseconds look_at_ = kNever;  // the earliest kLook to come
  MonotonicTime next_due_;
  std::vector<TaskRecord*> started_;  // of the last batch
  Random random_;                     // how long a plan takes
  Counts counts_;
  std::unique_ptr<batching::Scheduler> scheduler_;
};

}  // namespace siskin::simulation

#endif  // SISKIN_TESTS_SIMULATION_SIMULATION_H_
