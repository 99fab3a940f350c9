#include "server/simulation/virtual_time.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace siskin::simulation {

void VirtualTime::WaitUntil(CondVar&, absl::Mutex&, MonotonicTime) {
  std::fputs("the scheduler waits in a simulation\n", stderr);
  std::abort();
}

void VirtualTime::Schedule(Nanoseconds time, EventHandler& handler, int kind, int index) {
  events_.push_back({time, sequence_++, &handler, kind, index});
  std::push_heap(events_.begin(), events_.end());
}

void VirtualTime::RunNext() {
  std::pop_heap(events_.begin(), events_.end());
  const Event event = events_.back();
  events_.pop_back();
  now_ = FromStart(event.time);
  event.handler->Handle(event.kind, event.index);
}

}  // namespace siskin::simulation
