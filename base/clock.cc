#include "base/clock.h"

#include <chrono>

#include "absl/time/clock.h"

namespace siskin {
namespace {

using std::chrono::steady_clock;

// What std::condition_variable_any takes for a lock.
class Lockable {
 public:
  explicit Lockable(absl::Mutex& mutex) : mutex_(mutex) {}
  void lock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex_.Lock(); }
  void unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex_.Unlock(); }

 private:
  absl::Mutex& mutex_;
};

class RealClock : public Clock {
 public:
  MonotonicTime Now() override {
    return MonotonicTime::SinceEpoch(absl::FromChrono(steady_clock::now().time_since_epoch()));
  }

  void WaitUntil(CondVar& condition, absl::Mutex& mutex, MonotonicTime deadline) override {
    condition.WaitUntil(mutex, deadline);
  }
};

}  // namespace

void CondVar::Wait(absl::Mutex& mutex) {
  Lockable lock(mutex);
  condition_.wait(lock);
}

void CondVar::WaitUntil(absl::Mutex& mutex, MonotonicTime deadline) {
  if (deadline == MonotonicTime::InfiniteFuture()) return Wait(mutex);
  Lockable lock(mutex);
  const auto since_epoch = absl::ToChronoNanoseconds(deadline.since_epoch());
  condition_.wait_until(lock, steady_clock::time_point(since_epoch));
}

Clock& Clock::Real() {
  static RealClock* const clock = new RealClock();  // never destroyed: threads may outlive main
  return *clock;
}

MonotonicTime FromWallTime(absl::Time wall) {
  return wall == absl::InfiniteFuture() ? MonotonicTime::InfiniteFuture()
                                        : Clock::Real().Now() + (wall - absl::Now());
}

absl::Time ToWallTime(MonotonicTime time) { return absl::Now() + (time - Clock::Real().Now()); }

}  // namespace siskin
