// A run of the real scheduler on one thread, in virtual time: lanes, clients and the clock are
// simulated, the same in every run of the same scenario. Nothing waits, so that a second of load
// takes as long as its list operations do.
//
// server/simulation is the server; here are its clients, and Invariants, which look at what came of
// every event.
#ifndef SISKIN_TESTS_SIMULATION_SIMULATION_H_
#define SISKIN_TESTS_SIMULATION_SIMULATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/batching/scheduler.h"
#include "server/simulation/replica.h"
#include "server/simulation/virtual_time.h"
#include "tests/simulation/counts.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/scenario.h"
#include "tests/simulation/trail.h"

namespace siskin::simulation {

class Simulation : public EventHandler, public ReplicaObserver {
 public:
  // `scenario` outlives the simulation. `traced`: the trail is written.
  explicit Simulation(const Scenario& scenario, bool traced = false);
  ~Simulation() override;
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Until nothing is left to happen, or an invariant is violated. Once.
  void Run();

  const std::string& violation() const { return invariants_.violation(); }  // empty: none
  const std::string& trail() const { return trail_.text(); }
  Counts Count() const;
  absl::Span<const TaskRecord> tasks() const { return tasks_; }

 private:
  enum EventKind : int {
    kArrival,  // of a request
    kCancel,   // of a request
    kTurn,     // of a task: it has waited for kMaxOvertaking
    kAdd,      // of a model
    kRemove,   // of a model
    kDrain,
    kDestroy
  };
  class SimulatedTask;

  void Schedule(Nanoseconds time, EventKind kind, int index);
  void ScheduleAll();
  void Handle(int kind, int index) override;
  void Happen(EventKind kind, int index);
  void Arrive(int index);
  void Cancel(int arrival);
  void Add(int model);
  void Remove(int model);
  void Drain();
  void Destroy();
  void Started(const batching::Batch& batch, int lane) override;
  void PlanEnded(const batching::Batch& batch, int size, absl::Duration took) override;
  void LaneIsFree(int lane) override;
  void Offered(MonotonicTime next_due) override;
  void CountTask(const TaskRecord& task, Counts& counts) const;

  const Scenario& scenario_;
  Trail trail_;
  VirtualTime time_;
  Invariants invariants_;
  std::vector<TaskRecord> tasks_;                              // of all arrivals, in order
  std::vector<int> first_task_;                                // of each arrival
  std::vector<std::shared_ptr<batching::BatchQueue>> queues_;  // of each model; null: not added
  std::vector<TaskRecord*> started_;                           // of the last batch
  Counts counts_;
  std::unique_ptr<Replica> replica_;
};

}  // namespace siskin::simulation

#endif  // SISKIN_TESTS_SIMULATION_SIMULATION_H_
