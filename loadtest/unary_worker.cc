#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "loadtest/deserialize.h"
#include "loadtest/worker.h"

namespace siskin::loadtest {
namespace {

const std::string& UnaryMethod() {
  static const auto& method = *new std::string("/siskin.v1.Classifier/Classify");
  return method;
}

class UnaryWorker final : public Worker {
 public:
  UnaryWorker(WorkerEnvironment environment, size_t first_payload)
      : Worker(std::move(environment), first_payload) {}

  void Start() override {
    // The call lives in the context's arena, so it goes first.
    call_.reset();
    context_.emplace();
    context_->set_deadline(absl::ToChronoTime(absl::Now() + env_.timeout));
    StartClock();
    call_ = stub_.PrepareUnaryCall(&*context_, UnaryMethod(), payload().request, env_.queue);
    call_->StartCall();
    call_->Finish(&answer_, &status_, this);
  }

  bool Proceed(bool /*ok*/) override {
    const bool was_paused = std::exchange(paused_, false);
    if (!was_paused) {
      if (status_.ok()) status_ = Deserialize(answer_, response_);
      Worker::Finish(status_);
    }
    if (env_.recorder->stopped()) return false;
    if (!was_paused && !status_.ok()) {
      paused_ = true;
      Pause();
    } else {
      Start();
    }
    return true;
  }

 private:
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> call_;
  grpc::ByteBuffer answer_;
  grpc::Status status_;
  bool paused_ = false;
};

}  // namespace

std::unique_ptr<Worker> MakeUnaryWorker(WorkerEnvironment environment, size_t first_payload) {
  return std::make_unique<UnaryWorker>(std::move(environment), first_payload);
}

}  // namespace siskin::loadtest
