#include "loadtest/recorder.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace siskin::loadtest {
namespace {

absl::Duration ToAbsl(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

void AddTiming(const v1::Timing& timing, ServerTiming& sums) {
  ++sums.answers;
  sums.queue += ToAbsl(timing.queue());
  sums.decode += ToAbsl(timing.decode());
  sums.compute += ToAbsl(timing.compute());
  sums.batch_size += timing.batch_size();
}

}  // namespace

Recorder::Recorder(std::vector<std::string> ids, absl::Duration timeout, int64_t max_requests)
    : ids_(std::move(ids)),
      timeout_(timeout),
      max_requests_(max_requests),
      started_(Clock::Real().Now()),
      top1_(ids_.size(), -1) {}

void Recorder::StartMeasuring() {
  absl::MutexLock lock(&mu_);
  if (phase_ != Phase::kWarmUp) return;
  phase_ = Phase::kMeasuring;
  started_ = Clock::Real().Now();
  stats_.requests = 0;
  stats_.succeeded = 0;
  stats_.latency.Clear();
  stats_.server = {};
}

void Recorder::Stop() {
  absl::MutexLock lock(&mu_);
  StopLocked();
}

void Recorder::StopLocked() {
  if (phase_ == Phase::kStopped) return;
  phase_ = Phase::kStopped;
  stats_.elapsed = Clock::Real().Now() - started_;
  stopped_.SignalAll();
}

bool Recorder::stopped() const {
  absl::MutexLock lock(&mu_);
  return phase_ == Phase::kStopped;
}

bool Recorder::WaitUntilStopped(absl::Duration timeout) const {
  const MonotonicTime deadline = Clock::Real().Now() + timeout;
  absl::MutexLock lock(&mu_);
  while (phase_ != Phase::kStopped && Clock::Real().Now() < deadline) {
    stopped_.WaitUntil(mu_, deadline);
  }
  return phase_ == Phase::kStopped;
}

void Recorder::Record(size_t payload, absl::Duration latency, const grpc::Status& status,
                      const v1::ClassifyResponse& response) {
  absl::MutexLock lock(&mu_);
  if (status.ok()) {
    CheckAnswer(payload, response);
  } else {
    CountError(status);
  }
  if (phase_ == Phase::kStopped) return;
  ++stats_.requests;
  stats_.latency.Record(status.ok() ? latency : timeout_);
  if (status.ok()) {
    ++stats_.succeeded;
    if (response.has_timing()) AddTiming(response.timing(), stats_.server);
  }
  if (phase_ == Phase::kMeasuring && stats_.requests == max_requests_) StopLocked();
}

void Recorder::CountError(const grpc::Status& status) {
  ++stats_.errors[status.error_code()];
  if (!stats_.first_error.empty()) return;
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  stats_.first_error = absl::StrCat(absl::StatusCodeToString(code), ": ", status.error_message());
}

void Recorder::CheckAnswer(size_t payload, const v1::ClassifyResponse& response) {
  const int64_t top1 =
      response.classifications().empty() ? -1 : response.classifications(0).index();
  if (top1_[payload] < 0) top1_[payload] = top1;
  const bool right = top1 >= 0 && top1 == top1_[payload] && response.id() == ids_[payload];
  if (!right) ++stats_.mismatches;
}

Stats Recorder::Snapshot() const {
  absl::MutexLock lock(&mu_);
  Stats stats = stats_;
  if (phase_ != Phase::kStopped) stats.elapsed = Clock::Real().Now() - started_;
  return stats;
}

}  // namespace siskin::loadtest
