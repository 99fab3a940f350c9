// What has to hold in every run, whatever happens. Judges what goes into a scheduler and what comes
// out of it; knows none of its state.
//
// Times are nanoseconds from the start of the run.
#ifndef SISKIN_TESTS_SIMULATION_INVARIANTS_H_
#define SISKIN_TESTS_SIMULATION_INVARIANTS_H_

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/rejection.h"
#include "server/batching/scheduler.h"
#include "tests/simulation/cost_watch.h"
#include "tests/simulation/fair_shares.h"
#include "tests/simulation/guarantees.h"
#include "tests/simulation/scenario.h"

namespace siskin::simulation {

enum class TaskState : uint8_t { kNew, kRefused, kWaiting, kRunning, kCompleted, kFailed };

// An image of a request, and what became of it.
struct TaskRecord {
  int id = 0;
  int model = 0;
  Nanoseconds arrived = 0;
  Nanoseconds deadline = kNever;
  Nanoseconds turn = 0;  // what comes first in a queue, by the contract of Task::turn
  Nanoseconds prepare = 0;
  Nanoseconds true_prepare = 0;
  Nanoseconds started = kNever;
  Nanoseconds ended = kNever;
  Nanoseconds latest_start = kNever;  // once its turn has come, where one is guaranteed
  TaskState state = TaskState::kNew;
  std::optional<Rejection> rejection;  // if refused or failed
  bool trial = false;                  // accepted though it cannot be in time, as far as is known
  batching::CancelFlag cancel;
  size_t slot = 0;  // where Invariants keeps it
  // By the contract of priorities.h; without levels 0, and never.
  int level = 0;
  Nanoseconds expires = kNever;
  bool is_delayed = false;  // instead of rejected, when it has expired

  bool Expired(Nanoseconds now) const { return expires < now; }
};

// What a queue has to take first: the higher level, in it what has not expired, then the earlier
// turn, and of two that are the same what came first. What is delayed came last into its place.
inline bool Earlier(const TaskRecord& a, const TaskRecord& b, Nanoseconds now) {
  const auto place = [now](const TaskRecord& task) {
    const bool expired = task.Expired(now);
    return std::make_tuple(task.level, expired, task.turn, expired ? 0 : task.id);
  };
  return place(a) < place(b);
}
inline std::string Name(const TaskRecord& task) {
  return absl::StrCat("task ", task.id, " of model ", task.model);
}

class Invariants {
 public:
  explicit Invariants(const Scenario& scenario);

  // Of the first violation; empty if there was none.
  const std::string& violation() const { return violation_; }
  bool violated() const { return !violation_.empty(); }
  void Violate(Nanoseconds now, const std::string& what);

  void Added(int model, std::shared_ptr<batching::BatchQueue> queue, Nanoseconds now);
  // Before and after RemoveQueue.
  void Removing(int model);
  void Removed(int model, Nanoseconds now);
  void Drained() { draining_ = true; }
  void Destroying() { destroying_ = true; }

  // Enqueue of `tasks` returned `status`, and left `kept` of them with the caller.
  void Enqueued(absl::Span<TaskRecord> tasks, size_t kept, const absl::Status& status,
                Nanoseconds now);
  // The scheduler gave `batch` to `lane`.
  void Started(const batching::Batch& batch, absl::Span<TaskRecord* const> tasks, int lane,
               Nanoseconds now);
  void Completed(TaskRecord& task, Nanoseconds now);
  void Observed(int model, int size, absl::Duration took, Nanoseconds now);
  void LaneIsFree(int lane);
  // By the scheduler.
  void Failed(TaskRecord& task, const absl::Status& status, Nanoseconds now);
  void Destroyed(const TaskRecord& task, Nanoseconds now);

  // A task without deadline has waited for kMaxOvertaking: nothing overtakes it any more.
  void TurnHasCome(TaskRecord& task, Nanoseconds now);
  // Every free lane was offered work; the last answer was that a batch would be due then.
  void AfterEvent(MonotonicTime next_due, Nanoseconds now);
  // Nothing will happen any more.
  void AtEnd(absl::Span<const TaskRecord> tasks, Nanoseconds now);

  int waiting() const { return waiting_; }  // tasks, of all models
  int free_lanes() const { return free_lanes_; }
  const Guarantees& guarantees() const { return guarantees_; }

 private:
  struct Watch {
    std::shared_ptr<batching::BatchQueue> queue;  // null: not added yet
    CostWatch costs;
    std::vector<TaskRecord*> waiting;  // in no order
    Nanoseconds longest_wait = 0;      // of a task that was started
    Nanoseconds asked = -1;            // when a request came last
    Nanoseconds next_trial = 0;        // not before
    bool removed = false;
    bool touched = false;  // since the last event
  };
  struct LaneWatch {
    bool busy = false;
    Nanoseconds taken = 0;         // while busy: when it took its batch
    Nanoseconds expected_end = 0;  // and when that should end
  };

  // Its policy, and whether that may let its tasks wait although a lane is free.
  bool fixed(int model) const;
  bool delays(int model) const;
  void StopWaiting(TaskRecord& task);
  void CheckRefusal(absl::Span<TaskRecord> tasks, const absl::Status& status, Nanoseconds now);
  void CheckTrial(absl::Span<TaskRecord> tasks, Nanoseconds now);
  absl::Duration LateAlone(absl::Span<const TaskRecord> tasks, Nanoseconds now) const;
  bool IsFull(absl::Span<const TaskRecord> tasks) const;
  bool MustAccept(absl::Span<const TaskRecord> tasks, Nanoseconds now) const;
  void CheckStartable(const TaskRecord& task, Nanoseconds now);
  void CheckOrder(const Watch& watch, absl::Span<TaskRecord* const> tasks, Nanoseconds now);
  void CheckBatchSize(const Watch& watch, int model, absl::Span<TaskRecord* const> tasks,
                      absl::Duration cost, Nanoseconds now);
  void CheckFixedSize(const Watch& watch, int model, int size, Nanoseconds now);
  void CheckFullBatch(const Watch& watch, int best, absl::Span<TaskRecord* const> tasks,
                      Nanoseconds now);
  int BestBatchSize(const Watch& watch, Nanoseconds now) const;
  void CheckPromise(const TaskRecord& task, Nanoseconds miss, Nanoseconds now);
  void CheckShares(const Watch& watch, int model, absl::Duration cost, Nanoseconds now);
  void CheckQueue(Watch& watch, int model, Nanoseconds now);
  void CheckNothingWaits(const Watch& watch, int model, MonotonicTime next_due, Nanoseconds now);
  absl::Duration WorkBefore(int model) const;
  void CheckPredictedWait(const Watch& watch, int model, Nanoseconds now);

  const Scenario& scenario_;
  std::vector<Watch> watches_;
  std::vector<LaneWatch> lanes_;
  const Guarantees guarantees_;
  FairShares shares_;
  std::string violation_;
  int waiting_ = 0;
  int free_lanes_ = 0;
  int removing_ = -1;  // model
  bool draining_ = false;
  bool destroying_ = false;
  bool several_started_ = false;  // a batch of several images, since the last event, not fixed
};

}  // namespace siskin::simulation

#endif  // SISKIN_TESTS_SIMULATION_INVARIANTS_H_
