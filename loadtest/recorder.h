// What the answers of a run add up to.
//
// Requests and latencies count while the run is being measured: from StartMeasuring to Stop. Errors
// and mismatches count from the first request to the last, so that none is ever lost.
#ifndef SISKIN_LOADTEST_RECORDER_H_
#define SISKIN_LOADTEST_RECORDER_H_

#include <grpcpp/support/status.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "loadtest/histogram.h"
#include "siskin/v1/classifier.pb.h"

namespace siskin::loadtest {

// Sums over answers that carry the server's own timing.
struct ServerTiming {
  int64_t answers = 0;
  absl::Duration queue;
  absl::Duration decode;
  absl::Duration compute;
  int64_t batch_size = 0;
};

struct Stats {
  int64_t requests = 0;      // answered in time or failed
  int64_t succeeded = 0;     // of them
  LatencyHistogram latency;  // a failed request counts with the timeout
  ServerTiming server;
  absl::Duration elapsed;

  // Over the whole run.
  std::map<grpc::StatusCode, int64_t> errors;
  std::string first_error;
  int64_t mismatches = 0;  // another id, or another top-1 than this payload had before
};

// Thread-safe.
class Recorder {
 public:
  // `ids`: of the payloads. A failed request counts with `timeout` as its latency, so that failing
  // fast never looks fast. `max_requests`: stop after so many measured, 0 for no limit.
  Recorder(std::vector<std::string> ids, absl::Duration timeout, int64_t max_requests);

  void StartMeasuring();
  void Stop();
  bool stopped() const;
  // True once stopped; false when `timeout` has passed first.
  bool WaitUntilStopped(absl::Duration timeout) const;

  // The end of one request. `response` is looked at if `status` is OK.
  void Record(size_t payload, absl::Duration latency, const grpc::Status& status,
              const v1::ClassifyResponse& response);

  Stats Snapshot() const;

 private:
  enum class Phase { kWarmUp, kMeasuring, kStopped };

  void StopLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CountError(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CheckAnswer(size_t payload, const v1::ClassifyResponse& response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::vector<std::string> ids_;
  const absl::Duration timeout_;
  const int64_t max_requests_;

  mutable absl::Mutex mu_;
  mutable CondVar stopped_;
  Phase phase_ ABSL_GUARDED_BY(mu_) = Phase::kWarmUp;
  MonotonicTime started_ ABSL_GUARDED_BY(mu_);
  std::vector<int64_t> top1_ ABSL_GUARDED_BY(mu_);  // by payload; -1: not answered yet
  Stats stats_ ABSL_GUARDED_BY(mu_);
};

}  // namespace siskin::loadtest

#endif  // SISKIN_LOADTEST_RECORDER_H_
