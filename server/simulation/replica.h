// One server in virtual time: the real scheduler, and lanes that take from it what a lane of the
// engine does. The same in every run of the same seed.
//
// Not thread-safe.
#ifndef SISKIN_SERVER_SIMULATION_REPLICA_H_
#define SISKIN_SERVER_SIMULATION_REPLICA_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/batching/scheduler.h"
#include "server/simulation/batch_times.h"
#include "server/simulation/random.h"
#include "server/simulation/virtual_time.h"

namespace siskin::simulation {

struct ServedModel {
  batching::QueueOptions queue;  // with the costs that the scheduler is told
  BatchTimes truth;              // what batches take
};

// A lane makes no progress, or progress at a fraction of its speed. Those of a lane do not overlap
// and are ordered.
struct Disturbance {
  int lane = 0;
  Nanoseconds from = 0;
  Nanoseconds to = 0;
  double slowness = 0;  // 3: everything takes three times as long; 0: nothing happens at all
};

// When a lane ends that starts `work` at `start`.
Nanoseconds EndOf(absl::Span<const Disturbance> disturbances, Nanoseconds start, Nanoseconds work);

struct ReplicaOptions {
  int lanes = 1;
  std::vector<Disturbance> disturbances;
  double jitter = 0;  // plans take up to this part longer, each time
  uint64_t seed = 0;  // of the jitter, and of what is drawn of ServedModel::truth
};

// An image.
class ReplicaTask : public batching::Task {
 public:
  // `prepare`: of its photo, as the scheduler is told, and as it is.
  ReplicaTask(Nanoseconds deadline, std::shared_ptr<const batching::CancelFlag> cancel,
              Nanoseconds prepare, Nanoseconds true_prepare)
      : Task(FromStart(deadline), std::move(cancel)), true_prepare_(true_prepare) {
    set_prepare_cost(absl::Nanoseconds(prepare));
  }
  virtual void Complete() = 0;  // its batch has run
  Nanoseconds true_prepare() const { return true_prepare_; }

 private:
  const Nanoseconds true_prepare_;
};

// What happens in a replica, at the time at which it does.
class ReplicaObserver {
 public:
  virtual ~ReplicaObserver() = default;
  // The scheduler gave `batch` to `lane`.
  virtual void Started(const batching::Batch& batch, int lane) = 0;
  // The plan of `size` images of `batch` ended, and the scheduler knows it.
  virtual void PlanEnded(const batching::Batch& batch, int size, absl::Duration took) = 0;
  virtual void LaneIsFree(int lane) = 0;
  // Every free lane was offered work; the last answer was that a batch would be due then.
  virtual void Offered(MonotonicTime next_due) = 0;
};

class Replica : public EventHandler {
 public:
  struct Totals {
    int64_t batches = 0;
    int64_t images = 0;    // in them
    Nanoseconds busy = 0;  // lane time, of batches that have ended
  };

  // `time` and `observer` outlive the replica and its events; `observer` may be null.
  Replica(const ReplicaOptions& options, VirtualTime& time, ReplicaObserver* observer = nullptr);
  // Tasks that wait are failed, what runs is neither completed nor failed.
  ~Replica() override;
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // Batches of its queue have it as their owner; it outlives the replica. Tasks are ReplicaTasks.
  absl::StatusOr<std::shared_ptr<batching::BatchQueue>> AddModel(const ServedModel& model);
  // To be called after whatever may make a batch due.
  void OfferWork();
  // Completes what runs, without its time.
  void CompleteRunning();

  batching::Scheduler& scheduler() { return *scheduler_; }
  const Totals& totals() const { return totals_; }
  // Some task waits, or a lane is busy.
  bool HasWork() const;

  void Handle(int kind, int index) override;

 private:
  enum EventKind : int {
    kPlanEnds,  // of a lane
    kLook       // a batch is due that waited for company
  };
  struct Lane {
    batching::Batch batch;
    bool busy = false;
    bool reports = false;  // it has just become free, which the scheduler does not know yet
    size_t ended = 0;      // tasks of `batch`
    size_t running = 0;    // tasks of `batch` behind those, in the plan that runs
    Nanoseconds taken = 0;
    Nanoseconds compute_started = 0;
    std::vector<Disturbance> disturbances;
  };

  bool AnythingWaits() const;
  bool Offer(int lane);
  int LaneToOffer() const;  // -1: none is free
  void StartPlan(Lane& lane);
  void EndPlan(int lane);

  VirtualTime& time_;
  ReplicaObserver* const observer_;
  const double jitter_;
  Random random_;
  std::vector<Lane> lanes_;
  std::vector<std::shared_ptr<batching::BatchQueue>> queues_;
  Nanoseconds look_at_ = kNever;  // the earliest kLook to come
  MonotonicTime next_due_;
  Totals totals_;
  std::unique_ptr<batching::Scheduler> scheduler_;
};

}  // namespace siskin::simulation

#endif  // SISKIN_SERVER_SIMULATION_REPLICA_H_
