// A unit of work as the scheduler sees it: when it came, when it is too late, whether it is still
// wanted. Knows neither tensors nor RPCs.
//
// A Task belongs to one thread at a time: the producer, then the queue, then a lane.
#ifndef SISKIN_SERVER_BATCHING_TASK_H_
#define SISKIN_SERVER_BATCHING_TASK_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace siskin::batching {

// Set from any thread when the caller has gone; read by the scheduler before work starts.
class CancelFlag {
 public:
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
};

class Task {
 public:
  // `deadline` may be MonotonicTime::InfiniteFuture(); `cancel` may be null.
  Task(MonotonicTime deadline, std::shared_ptr<const CancelFlag> cancel)
      : deadline_(deadline), cancel_(std::move(cancel)) {}
  virtual ~Task() = default;
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  // Answers the task with an error instead of running it. Every accepted task is ended exactly
  // once: by whoever runs it, or by this.
  virtual void Fail(const absl::Status& status) = 0;

  MonotonicTime deadline() const { return deadline_; }
  // Cheap and lock-free: called with the scheduler's lock held. Overridden where there is more than
  // one reason to stop.
  virtual bool cancelled() const { return cancel_ != nullptr && cancel_->cancelled(); }

  // What it takes a lane to make the task's input, as far as is known: the decoding of a photo.
  absl::Duration prepare_cost() const { return prepare_cost_; }
  void set_prepare_cost(absl::Duration cost) { prepare_cost_ = cost; }

  // Taken although its deadline seems impossible, to find out whether it is; set by the queue.
  bool trial() const { return trial_; }
  void set_trial() { trial_ = true; }

  // What its request asks of a queue that has levels and timeouts (priorities.h).
  uint64_t priority() const { return priority_; }
  absl::Duration timeout() const { return timeout_; }
  void set_priority(uint64_t priority, absl::Duration timeout) {
    priority_ = priority;
    timeout_ = timeout;
  }

  // When the queue accepted the task; set by the queue.
  MonotonicTime enqueued() const { return enqueued_; }
  // Its place in its level of the queue: the earlier turn comes first. The deadline, but not later
  // than `max_overtaking` from now, so that a task with a late deadline or none has its turn, too.
  MonotonicTime turn() const { return turn_; }
  void set_enqueued(MonotonicTime time, absl::Duration max_overtaking) {
    enqueued_ = time;
    turn_ = std::min(deadline_, time + max_overtaking);
  }

  // The same where there are levels, else 0 and never: which one, 1 is the highest, and after which
  // time it has waited for too long.
  int level() const { return level_; }
  MonotonicTime expires() const { return expires_; }
  void set_level(int level, MonotonicTime expires) {
    level_ = level;
    expires_ = expires;
  }
  // It has, and comes after all others of its level that have not.
  bool delayed() const { return delayed_; }
  void Delay() {
    delayed_ = true;
    expires_ = MonotonicTime::InfiniteFuture();
  }

 private:
  const MonotonicTime deadline_;
  const std::shared_ptr<const CancelFlag> cancel_;
  absl::Duration prepare_cost_;
  bool trial_ = false;
  uint64_t priority_ = 0;
  absl::Duration timeout_ = absl::InfiniteDuration();
  MonotonicTime enqueued_;
  MonotonicTime turn_;
  int level_ = 0;
  bool delayed_ = false;
  MonotonicTime expires_ = MonotonicTime::InfiniteFuture();
};

// The order of a queue: by level, what is delayed last in it, then by turn.
inline bool ComesBefore(const Task& a, const Task& b) {
  return std::make_tuple(a.level(), a.delayed(), a.turn()) <
         std::make_tuple(b.level(), b.delayed(), b.turn());
}

}  // namespace siskin::batching

#endif  // SISKIN_SERVER_BATCHING_TASK_H_
