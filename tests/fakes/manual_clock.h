// A clock that moves only when a test says so.
//
// Thread-safe. REQUIRES: whatever waits on the clock (its mutex and condition) outlives every call
// to Advance that may find it waiting.
#ifndef SISKIN_TESTS_FAKES_MANUAL_CLOCK_H_
#define SISKIN_TESTS_FAKES_MANUAL_CLOCK_H_

#include <algorithm>
#include <iterator>
#include <list>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace siskin::testing {

class ManualClock : public Clock {
 public:
  explicit ManualClock(MonotonicTime start = MonotonicTime() + absl::Hours(1)) : now_(start) {}

  MonotonicTime Now() override {
    absl::MutexLock lock(&mu_);
    return now_;
  }

  void WaitUntil(CondVar& condition, absl::Mutex& mutex, MonotonicTime deadline) override {
    std::list<Waiter>::iterator self;
    {
      absl::MutexLock lock(&mu_);
      if (deadline <= now_) return;
      ++waits_;
      self = waiters_.insert(waiters_.end(), Waiter{&condition, &mutex, deadline});
      waiters_changed_.SignalAll();
    }
    condition.Wait(mutex);
    absl::MutexLock lock(&mu_);
    waiters_.erase(self);
    waiters_changed_.SignalAll();
  }

  // Moves time forward and wakes every thread whose deadline has come. No wake-up is lost: a waiter
  // holds its mutex from looking at the time until it sleeps, and Advance takes that mutex first.
  void Advance(absl::Duration by) {
    std::vector<Waiter> due;
    {
      absl::MutexLock lock(&mu_);
      now_ += by;
      std::copy_if(waiters_.begin(), waiters_.end(), std::back_inserter(due),
                   [this](const Waiter& w) { return w.deadline <= now_; });
    }
    for (const Waiter& waiter : due) {
      absl::MutexLock lock(waiter.mutex);
      waiter.condition->SignalAll();
    }
  }

  // Blocks until exactly `count` threads wait on this clock, so that a test knows they are asleep.
  void AwaitWaiters(size_t count) {
    absl::MutexLock lock(&mu_);
    while (waiters_.size() != count) waiters_changed_.Wait(mu_);
  }

  // The same for a thread that waits until exactly `deadline`.
  void AwaitDeadline(MonotonicTime deadline) {
    const auto is_it = [deadline](const Waiter& w) { return w.deadline == deadline; };
    absl::MutexLock lock(&mu_);
    while (std::none_of(waiters_.begin(), waiters_.end(), is_it)) waiters_changed_.Wait(mu_);
  }

  // How often a thread has gone to sleep so far: wake-ups that were not needed show here.
  int waits() {
    absl::MutexLock lock(&mu_);
    return waits_;
  }

  // How many threads wait with a deadline, and are not merely waiting for a signal.
  int timed_waiters() {
    absl::MutexLock lock(&mu_);
    return static_cast<int>(std::count_if(waiters_.begin(), waiters_.end(), [](const Waiter& w) {
      return w.deadline != MonotonicTime::InfiniteFuture();
    }));
  }

 private:
  struct Waiter {
    CondVar* condition;
    absl::Mutex* mutex;
    MonotonicTime deadline;
  };

  absl::Mutex mu_;  // taken after a waiter's mutex, never before it
  CondVar waiters_changed_;
  MonotonicTime now_ ABSL_GUARDED_BY(mu_);
  int waits_ ABSL_GUARDED_BY(mu_) = 0;
  std::list<Waiter> waiters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_FAKES_MANUAL_CLOCK_H_
