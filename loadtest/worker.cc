#include "loadtest/worker.h"

#include <utility>

#include "base/clock.h"

namespace siskin::loadtest {
namespace {

constexpr std::chrono::milliseconds kPause(10);

}  // namespace

Worker::Worker(WorkerEnvironment environment, size_t first_payload)
    : env_(std::move(environment)),
      stub_(env_.channel),
      payload_(first_payload % env_.payloads->size()) {}

void Worker::Cancel() {
  if (context_.has_value()) context_->TryCancel();
}

void Worker::StartClock() { started_ = Clock::Real().Now(); }

void Worker::Finish(const grpc::Status& status) {
  const absl::Duration latency = Clock::Real().Now() - started_;
  env_.recorder->Record(payload_, latency, status, response_);
  payload_ = (payload_ + 1) % env_.payloads->size();
}

void Worker::Pause() { alarm_.Set(env_.queue, std::chrono::system_clock::now() + kPause, this); }

}  // namespace siskin::loadtest
