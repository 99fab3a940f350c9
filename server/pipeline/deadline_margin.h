// How much earlier than its deadline an answer has to be ready, to reach its client in time.
//
// A server learns of a deadline when the request's headers have arrived, and it is done when gRPC
// takes the answer: the ways there and back are not in what it sees, and under overload, when
// everybody waits for a cpu, they are long. What it does see is whether a client had given up when
// its answer was sent. So the margin is steered by that: each answer that came too late makes it
// larger, each that was in time a little smaller, and it settles where one in 500 is late.
//
// Thread-safe, lock-free.
#ifndef SISKIN_SERVER_PIPELINE_DEADLINE_MARGIN_H_
#define SISKIN_SERVER_PIPELINE_DEADLINE_MARGIN_H_

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "base/clock.h"

namespace siskin::pipeline {

class DeadlineMargin {
 public:
  // By when an answer has to be ready for a client that waits until `deadline`: earlier by the
  // margin, but by no more than a quarter of the time that is left.
  MonotonicTime ReadyBy(MonotonicTime deadline, MonotonicTime now) const;

  // An answer to a request of that deadline, which came at `arrived`, was computed and sent, and
  // done with at `sent`; `given_up`: its client waited no longer. Clients that give up long before
  // their deadline have other reasons, and do not count.
  void Observe(MonotonicTime deadline, MonotonicTime arrived, MonotonicTime sent, bool given_up);

 private:
  std::atomic<int64_t> nanoseconds_{0};
};

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_DEADLINE_MARGIN_H_
