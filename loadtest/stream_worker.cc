#include <string>
#include <utility>

#include "loadtest/deserialize.h"
#include "loadtest/worker.h"

namespace siskin::loadtest {
namespace {

const std::string& StreamMethod() {
  static const auto& method = *new std::string("/siskin.v1.Classifier/ClassifyStream");
  return method;
}

// A stream has no deadline for a single answer: the thread that serves the queue calls Cancel when
// nothing has come for too long.
class StreamWorker final : public Worker {
 public:
  StreamWorker(WorkerEnvironment environment, size_t first_payload)
      : Worker(std::move(environment), first_payload) {}

  void Start() override {
    // The stream lives in the context's arena, so it goes first.
    stream_.reset();
    context_.emplace();
    StartClock();
    stream_ = stub_.PrepareCall(&*context_, StreamMethod(), env_.queue);
    state_ = State::kOpening;
    stream_->StartCall(this);
  }

  bool Proceed(bool ok) override {
    switch (state_) {
      case State::kOpening:
        return ok ? Write() : Close(State::kBroken);
      case State::kWriting:
        if (!ok) return Close(State::kBroken);
        state_ = State::kReading;
        stream_->Read(&answer_, this);
        return true;
      case State::kReading:
        return ok ? HandleAnswer() : Close(State::kBroken);
      case State::kPausedInStream:
        return env_.recorder->stopped() ? WritesDone() : Write();
      case State::kWritesDone:
        return Close(State::kEnding);
      case State::kBroken:
        return HandleBrokenStream();
      case State::kPausedWithoutStream:
        if (env_.recorder->stopped()) return false;
        Start();
        return true;
      case State::kEnding:
        if (!status_.ok()) Worker::Finish(status_);
        break;
    }
    return false;
  }

 private:
  enum class State {
    kOpening,
    kWriting,
    kReading,
    kPausedInStream,
    kWritesDone,
    kEnding,
    kBroken,
    kPausedWithoutStream,
  };

  bool Write() {
    StartClock();
    state_ = State::kWriting;
    stream_->Write(payload().request, this);
    return true;
  }

  bool WritesDone() {
    state_ = State::kWritesDone;
    stream_->WritesDone(this);
    return true;
  }

  // Asks for the stream's status, which comes in state `next`.
  bool Close(State next) {
    state_ = next;
    stream_->Finish(&status_, this);
    return true;
  }

  bool HandleAnswer() {
    grpc::Status status = Deserialize(answer_, message_);
    if (status.ok() && message_.has_error()) {
      status = {static_cast<grpc::StatusCode>(message_.error().code()), message_.error().message()};
    }
    response_.Swap(message_.mutable_response());
    Worker::Finish(status);
    if (env_.recorder->stopped()) return WritesDone();
    if (status.ok()) return Write();
    state_ = State::kPausedInStream;
    Pause();
    return true;
  }

  bool HandleBrokenStream() {
    // A stream that ends well before its answer has come has lost the request all the same.
    if (status_.ok()) status_ = {grpc::StatusCode::INTERNAL, "the server ended the stream early"};
    Worker::Finish(status_);
    if (env_.recorder->stopped()) return false;
    state_ = State::kPausedWithoutStream;
    Pause();
    return true;
  }

  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  grpc::ByteBuffer answer_;
  v1::ClassifyStreamResponse message_;
  grpc::Status status_;
  State state_ = State::kOpening;
};

}  // namespace

std::unique_ptr<Worker> MakeStreamWorker(WorkerEnvironment environment, size_t first_payload) {
  return std::make_unique<StreamWorker>(std::move(environment), first_payload);
}

}  // namespace siskin::loadtest
