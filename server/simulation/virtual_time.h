// The clock of a simulation, and what is to happen on it. Nothing waits: time jumps from event to
// event, so that a second of load takes as long as its list operations do.
//
// Times are nanoseconds from the start of the run. Not thread-safe.
#ifndef SISKIN_SERVER_SIMULATION_VIRTUAL_TIME_H_
#define SISKIN_SERVER_SIMULATION_VIRTUAL_TIME_H_

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"

namespace siskin::simulation {

using Nanoseconds = int64_t;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000 * kMillisecond;
inline constexpr Nanoseconds kNever = std::numeric_limits<Nanoseconds>::max();

// The start is some time after the epoch of the clock, so that a deadline may lie before it.
inline MonotonicTime FromStart(Nanoseconds time) {
  if (time == kNever) return MonotonicTime::InfiniteFuture();
  return MonotonicTime::SinceEpoch(absl::Hours(1) + absl::Nanoseconds(time));
}
inline Nanoseconds SinceStart(MonotonicTime time) {  // kNever for InfiniteFuture
  return absl::ToInt64Nanoseconds(time.since_epoch() - absl::Hours(1));
}

// What events happen to. `kind` and `index` mean what the handler says.
class EventHandler {
 public:
  virtual ~EventHandler() = default;
  virtual void Handle(int kind, int index) = 0;
};

class VirtualTime : public Clock {
 public:
  MonotonicTime Now() override { return now_; }
  // Must not be called: nothing waits.
  void WaitUntil(CondVar& condition, absl::Mutex& mutex, MonotonicTime deadline) override;

  Nanoseconds now() const { return SinceStart(now_); }

  // `handler` outlives the event. REQUIRES: `time` is not before now.
  void Schedule(Nanoseconds time, EventHandler& handler, int kind, int index);
  // Moves the time to the next event, and lets it happen; of two at the same time, the one that was
  // scheduled first. REQUIRES: !empty().
  void RunNext();
  bool empty() const { return events_.empty(); }

 private:
  struct Event {
    Nanoseconds time = 0;
    uint64_t sequence = 0;
    EventHandler* handler = nullptr;
    int kind = 0;
    int index = 0;
    bool operator<(const Event& other) const {  // later is less: heaps have the largest first
      return time != other.time ? time > other.time : sequence > other.sequence;
    }
  };

  MonotonicTime now_ = FromStart(0);
  std::vector<Event> events_;  // a heap
  uint64_t sequence_ = 0;
};

}  // namespace siskin::simulation

#endif  // SISKIN_SERVER_SIMULATION_VIRTUAL_TIME_H_
