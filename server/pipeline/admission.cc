#include "server/pipeline/admission.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/rejection.h"

namespace siskin::pipeline {
namespace {

// Adds `amount` unless that makes more than `limit`; never more, not even for a moment, so that a
// request which does not fit cannot turn away one that does.
bool AddWithin(std::atomic<int64_t>& counter, int64_t amount, int64_t limit) {
  int64_t current = counter.load(std::memory_order_relaxed);
  do {
    if (amount > limit - current) return false;
  } while (!counter.compare_exchange_weak(current, current + amount, std::memory_order_seq_cst,
                                          std::memory_order_relaxed));
  return true;
}

}  // namespace

Permit& Permit::operator=(Permit&& other) noexcept {
  if (this != &other) {
    Release();
    admission_ = std::exchange(other.admission_, nullptr);
    bytes_ = other.bytes_;
  }
  return *this;
}

void Permit::Release() {
  if (admission_ == nullptr) return;
  admission_->bytes_.fetch_sub(bytes_);
  admission_->RemoveRequest();
  admission_ = nullptr;
}

void Admission::Close() {
  closed_.store(true);
  if (requests_.load() == 0) NotifyIdle();
}

// Either the last request sees that the admission is closed, or Close sees that it was the last.
void Admission::RemoveRequest() {
  if (requests_.fetch_sub(1) == 1 && closed_.load()) NotifyIdle();
}

void Admission::NotifyIdle() {
  absl::MutexLock lock(&mu_);
  idle_ = true;
  became_idle_.SignalAll();
}

bool Admission::WaitUntilIdle(MonotonicTime deadline) {
  absl::MutexLock lock(&mu_);
  while (!idle_ && Clock::Real().Now() < deadline) became_idle_.WaitUntil(mu_, deadline);
  return idle_;
}

absl::StatusOr<Permit> Admission::Admit(int64_t bytes, MonotonicTime deadline, MonotonicTime now) {
  if (deadline <= now) {
    return Reject(Rejection::kDeadline, "the deadline had passed when the request came");
  }
  if (bytes > limits_.max_bytes) {
    return Reject(Rejection::kInvalidArgument,
                  absl::StrCat("the request holds ", bytes, " bytes, this server takes ",
                               limits_.max_bytes, " at most; send fewer images at a time"));
  }
  if (!AddWithin(requests_, 1, limits_.max_requests)) {
    return Reject(Rejection::kOverload,
                  absl::StrCat("the server is busy with ", limits_.max_requests,
                               " requests already; retry later"));
  }
  if (!AddWithin(bytes_, bytes, limits_.max_bytes)) {
    RemoveRequest();
    return Reject(Rejection::kPayloadBytes,
                  absl::StrCat("the requests in flight fill the ", limits_.max_bytes,
                               " bytes there are; retry later"));
  }
  Permit permit(*this, bytes);
  // Read after the request is counted: either this sees Close, or the thread that closed sees the
  // request.
  if (closed_.load()) {
    return Reject(Rejection::kDraining, "the server is shutting down; try another one");
  }
  return permit;
}

}  // namespace siskin::pipeline
