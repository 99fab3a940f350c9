// How much may be in flight. Everything accepted holds a Permit until it is answered.
//
// Thread-safe; lock-free but for the end of a drain.
#ifndef SISKIN_SERVER_PIPELINE_ADMISSION_H_
#define SISKIN_SERVER_PIPELINE_ADMISSION_H_

#include <atomic>
#include <cstdint>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/clock.h"

namespace siskin::pipeline {

class Admission;

// The right to be in flight: a count and a number of payload bytes, given back on destruction.
class Permit {
 public:
  Permit() = default;
  Permit(Permit&& other) noexcept
      : admission_(std::exchange(other.admission_, nullptr)), bytes_(other.bytes_) {}
  Permit& operator=(Permit&& other) noexcept;
  ~Permit() { Release(); }
  void Release();

 private:
  friend class Admission;
  Permit(Admission& admission, int64_t bytes) : admission_(&admission), bytes_(bytes) {}

  Admission* admission_ = nullptr;
  int64_t bytes_ = 0;
};

class Admission {
 public:
  struct Limits {
    int64_t max_requests = 1024;
    int64_t max_bytes = int64_t{512} << 20;  // request payloads held in memory
  };
  explicit Admission(Limits limits) : limits_(limits) {}

  // INVALID_ARGUMENT for more bytes than there ever are; RESOURCE_EXHAUSTED over a limit (worth a
  // retry); UNAVAILABLE while closed; DEADLINE_EXCEEDED when `deadline` has passed at `now`.
  // Marked with their Rejection.
  absl::StatusOr<Permit> Admit(int64_t bytes, MonotonicTime deadline, MonotonicTime now);

  // Draining: nothing more is admitted, and requests() falls to 0, where it stays but for requests
  // that are being refused.
  void Close();
  // Blocks until nothing that was admitted is in flight, then true; false if `deadline` comes
  // first. REQUIRES: closed.
  bool WaitUntilIdle(MonotonicTime deadline);
  int64_t requests() const { return requests_.load(); }
  int64_t bytes() const { return bytes_.load(); }
  const Limits& limits() const { return limits_; }

 private:
  friend class Permit;
  void RemoveRequest();
  void NotifyIdle();

  const Limits limits_;
  std::atomic<int64_t> requests_{0};
  std::atomic<int64_t> bytes_{0};
  std::atomic<bool> closed_{false};
  absl::Mutex mu_;
  CondVar became_idle_;
  bool idle_ ABSL_GUARDED_BY(mu_) = false;  // closed, and once without a request since
};

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_ADMISSION_H_
