// Time as an injected dependency. Code that waits or measures time takes a Clock; tests advance a
// ManualClock (tests/fakes/manual_clock.h) and never sleep.
//
// The time is monotonic: setting the machine's clock neither ends nor prolongs a wait. Wall time
// (absl::Time) appears only where a person reads it, and where a protocol sends it.
#ifndef SISKIN_BASE_CLOCK_H_
#define SISKIN_BASE_CLOCK_H_

#include <compare>
#include <condition_variable>
#include <ostream>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace siskin {

// A moment of a Clock. Only differences mean something.
class MonotonicTime {
 public:
  constexpr MonotonicTime() = default;  // the clock's epoch, which is before every reading
  static constexpr MonotonicTime SinceEpoch(absl::Duration duration) {
    return MonotonicTime(duration);
  }
  static constexpr MonotonicTime InfiniteFuture() {
    return MonotonicTime(absl::InfiniteDuration());
  }

  constexpr absl::Duration since_epoch() const { return since_epoch_; }

  MonotonicTime& operator+=(absl::Duration by) { return *this = *this + by; }
  friend MonotonicTime operator+(MonotonicTime time, absl::Duration by) {
    return MonotonicTime(time.since_epoch_ + by);
  }
  friend MonotonicTime operator-(MonotonicTime time, absl::Duration by) {
    return MonotonicTime(time.since_epoch_ - by);
  }
  friend absl::Duration operator-(MonotonicTime a, MonotonicTime b) {
    return a.since_epoch_ - b.since_epoch_;
  }
  friend constexpr bool operator==(MonotonicTime a, MonotonicTime b) {
    return a.since_epoch_ == b.since_epoch_;
  }
  friend constexpr std::strong_ordering operator<=>(MonotonicTime a, MonotonicTime b) {
    if (a.since_epoch_ < b.since_epoch_) return std::strong_ordering::less;
    return a == b ? std::strong_ordering::equal : std::strong_ordering::greater;
  }
  friend std::ostream& operator<<(std::ostream& out, MonotonicTime time) {
    return out << time.since_epoch_;
  }

 private:
  explicit constexpr MonotonicTime(absl::Duration since_epoch) : since_epoch_(since_epoch) {}

  absl::Duration since_epoch_;
};

// absl::CondVar, with deadlines that do not move when the machine's clock is set (those of Abseil
// do). Used with an absl::Mutex in the same way; may wake up early.
class CondVar {
 public:
  void Wait(absl::Mutex& mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // Of Clock::Real(). Until `deadline` at the latest; MonotonicTime::InfiniteFuture() waits for the
  // signal alone.
  void WaitUntil(absl::Mutex& mutex, MonotonicTime deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Signal() { condition_.notify_one(); }
  void SignalAll() { condition_.notify_all(); }

 private:
  std::condition_variable_any condition_;
};

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime Now() = 0;
  // Waits on `condition` (signalled by another thread) with `mutex` held, until `deadline` at the
  // latest; may return early. MonotonicTime::InfiniteFuture() waits for the signal alone.
  virtual void WaitUntil(CondVar& condition, absl::Mutex& mutex, MonotonicTime deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;

  static Clock& Real();
};

// The moment of Clock::Real() that `wall` is now, for deadlines that come from outside.
// absl::InfiniteFuture() is MonotonicTime::InfiniteFuture().
MonotonicTime FromWallTime(absl::Time wall);
// And back, to hand a deadline to a library that takes wall time.
absl::Time ToWallTime(MonotonicTime time);

}  // namespace siskin

#endif  // SISKIN_BASE_CLOCK_H_
