// Keeps one request in flight: each answer lets the next request go.
//
// A worker lives on one completion queue and belongs to the thread that serves it; it has exactly
// one operation outstanding, with itself as the tag, until Proceed returns false. After a failed
// request it pauses for a moment, or a server that refuses at once would be hammered.
#ifndef SISKIN_LOADTEST_WORKER_H_
#define SISKIN_LOADTEST_WORKER_H_

#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

#include <memory>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "loadtest/payload.h"
#include "loadtest/recorder.h"

namespace siskin::loadtest {

// What a worker needs; the pointees outlive it.
struct WorkerEnvironment {
  grpc::CompletionQueue* queue = nullptr;
  std::shared_ptr<grpc::Channel> channel;
  const std::vector<Payload>* payloads = nullptr;
  Recorder* recorder = nullptr;
  absl::Duration timeout;
};

class Worker {
 public:
  virtual ~Worker() = default;

  // Sends the first request.
  virtual void Start() = 0;
  // The outstanding operation has ended. False: the recorder has stopped, no other was started.
  virtual bool Proceed(bool ok) = 0;
  // Lets the call under way, if any, end soon.
  void Cancel();

 protected:
  Worker(WorkerEnvironment environment, size_t first_payload);

  const Payload& payload() const { return (*env_.payloads)[payload_]; }
  void StartClock();
  // Notes the answer to the current payload and moves to the next.
  void Finish(const grpc::Status& status);
  void Pause();

  const WorkerEnvironment env_;
  grpc::GenericStub stub_;
  std::optional<grpc::ClientContext> context_;
  v1::ClassifyResponse response_;

 private:
  grpc::Alarm alarm_;
  size_t payload_;
  MonotonicTime started_;
};

// One Classify call after another.
std::unique_ptr<Worker> MakeUnaryWorker(WorkerEnvironment environment, size_t first_payload);
// One ClassifyStream, opened again if it breaks.
std::unique_ptr<Worker> MakeStreamWorker(WorkerEnvironment environment, size_t first_payload);

}  // namespace siskin::loadtest

#endif  // SISKIN_LOADTEST_WORKER_H_
