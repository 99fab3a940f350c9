// Time as an injected dependency. Schedulers ask a Clock; tests advance a ManualClock
// (tests/fakes/manual_clock.h) and never sleep.
#ifndef SISKIN_BASE_CLOCK_H_
#define SISKIN_BASE_CLOCK_H_

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace siskin {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() = 0;
  // Waits on `condition` (signalled by another thread) with `mutex` held, until `deadline` at the
  // latest; may return early. absl::InfiniteFuture() waits for the signal alone.
  virtual void WaitUntil(absl::CondVar& condition, absl::Mutex& mutex, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;

  static Clock& Real();
};

}  // namespace siskin

#endif  // SISKIN_BASE_CLOCK_H_
