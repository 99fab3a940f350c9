#include "base/clock.h"

#include "absl/time/clock.h"

namespace siskin {
namespace {

class RealClock : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }

  void WaitUntil(absl::CondVar& condition, absl::Mutex& mutex, absl::Time deadline) override {
    condition.WaitWithDeadline(&mutex, deadline);
  }
};

}  // namespace

Clock& Clock::Real() {
  static RealClock* const clock = new RealClock();  // never destroyed: threads may outlive main
  return *clock;
}

}  // namespace siskin
