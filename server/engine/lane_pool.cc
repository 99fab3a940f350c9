#include "server/engine/lane_pool.h"

#include <pthread.h>

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "base/cpu_affinity.h"
#include "base/status_macros.h"
#include "base/thread_priority.h"
#include "server/engine/lane.h"

namespace siskin::engine {
namespace {

absl::Status CheckOptions(const LanePool::Options& options) {
  if (options.lanes < 1 || options.lanes > LanePool::kMaxLanes) {
    return absl::InvalidArgumentError(absl::StrCat("the number of lanes must be from 1 to ",
                                                   LanePool::kMaxLanes, ", it is ", options.lanes));
  }
  for (const int cpu : options.cpus) {
    if (cpu < 0) return absl::InvalidArgumentError(absl::StrCat("there is no cpu ", cpu));
  }
  return absl::OkStatus();
}

absl::Status PinLane(int cpu) {
  const absl::Status pinned = PinThisThread({cpu});
  if (pinned.ok()) return pinned;
  return absl::Status(pinned.code(),
                      absl::StrCat("cannot pin a lane: it ", pinned.message(),
                                   "; choose cpus that this process may use, or none"));
}

class LanePoolImpl : public LanePool {
 public:
  LanePoolImpl(Options options, batching::Scheduler& scheduler, BatchObserver* observer)
      : options_(std::move(options)), clock_(scheduler.clock()) {
    scheduler.SetLanes(options_.lanes);
    for (int i = 0; i < options_.lanes; ++i) {
      workers_.push_back(std::make_unique<Worker>(i, scheduler, observer));
    }
  }

  ~LanePoolImpl() override {
    if (!begin_.HasBeenNotified()) begin_.Notify();  // a start that failed: `serve_` is false
    for (const auto& worker : workers_) {
      if (worker->thread.joinable()) worker->thread.join();
    }
  }

  // No lane serves before all are set up, so that a failed start takes no task.
  absl::Status StartThreads() {
    try {
      for (int i = 0; i < lanes(); ++i) {
        workers_[i]->thread = std::thread([this, i] { ThreadMain(i); });
      }
    } catch (const std::system_error& error) {
      return absl::ResourceExhaustedError(
          absl::StrCat("cannot start ", lanes(), " lane threads: ", error.what()));
    }
    for (const auto& worker : workers_) {
      worker->is_set_up.WaitForNotification();
      SISKIN_RETURN_IF_ERROR(worker->set_up);
    }
    serve_ = true;
    begin_.Notify();
    return absl::OkStatus();
  }

  absl::StatusOr<batching::CostModel> Prepare(std::shared_ptr<const LoadedModel> model) override {
    if (workers_.front()->lane.Has(*model)) {
      return absl::AlreadyExistsError(absl::StrCat("model '", model->name(), "' version ",
                                                   model->version(), " is with the lanes already"));
    }
    std::vector<std::unique_ptr<LaneModel>> made;  // all or nothing
    for (int i = 0; i < lanes(); ++i) {
      SISKIN_ASSIGN_OR_RETURN(auto lane_model, LaneModel::Make(model));
      made.push_back(std::move(lane_model));
    }
    SISKIN_ASSIGN_OR_RETURN(auto costs, made.back()->Measure(clock_));
    for (int i = 0; i < lanes(); ++i) workers_[i]->lane.Add(std::move(made[i]));
    return batching::CostModel(std::move(costs));
  }

  void Forget(const LoadedModel& model) override {
    for (const auto& worker : workers_) worker->lane.Remove(model);
  }

  int lanes() const override { return static_cast<int>(workers_.size()); }

 private:
  struct Worker {
    Worker(int index, batching::Scheduler& scheduler, BatchObserver* observer)
        : lane(index, scheduler, observer) {}

    Lane lane;
    absl::Status set_up;  // read once `is_set_up`
    absl::Notification is_set_up;
    std::thread thread;
  };

  void ThreadMain(int index) {
    Worker& worker = *workers_[index];
    const std::string name = absl::StrCat("lane-", index);
    pthread_setname_np(pthread_self(), name.c_str());
    if (!options_.cpus.empty()) {
      worker.set_up = PinLane(options_.cpus[index % options_.cpus.size()]);
    }
    GiveWay(options_.give_way);
    worker.is_set_up.Notify();
    begin_.WaitForNotification();
    if (serve_) worker.lane.Run();
  }

  const Options options_;
  Clock& clock_;
  std::vector<std::unique_ptr<Worker>> workers_;
  bool serve_ = false;  // read once `begin_`
  absl::Notification begin_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LanePool>> LanePool::Start(Options options,
                                                          batching::Scheduler& scheduler,
                                                          BatchObserver* observer) {
  SISKIN_RETURN_IF_ERROR(CheckOptions(options));
  auto pool = std::make_unique<LanePoolImpl>(std::move(options), scheduler, observer);
  SISKIN_RETURN_IF_ERROR(pool->StartThreads());
  return pool;
}

}  // namespace siskin::engine
