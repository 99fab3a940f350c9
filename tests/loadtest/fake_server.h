// A server that answers as a test tells it to, without a model, on a free port of 127.0.0.1.
#ifndef SISKIN_TESTS_LOADTEST_FAKE_SERVER_H_
#define SISKIN_TESTS_LOADTEST_FAKE_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "inference/grpc_service.grpc.pb.h"
#include "siskin/v1/classifier.grpc.pb.h"

namespace siskin::loadtest {

// Called from the server's threads.
using AnswerFn = std::function<grpc::Status(const v1::ClassifyRequest&, v1::ClassifyResponse&)>;

class FakeServer : private v1::Classifier::Service,
                   private inference::GRPCInferenceService::Service {
 public:
  explicit FakeServer(AnswerFn answer, std::vector<int64_t> shape = {-1, 3, 2, 2})
      : answer_(std::move(answer)), shape_(std::move(shape)) {
    int port = 0;
    server_ = grpc::ServerBuilder()
                  .AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port)
                  .RegisterService(static_cast<v1::Classifier::Service*>(this))
                  .RegisterService(static_cast<inference::GRPCInferenceService::Service*>(this))
                  .BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }

  ~FakeServer() {
    Stop();
    absl::MutexLock lock(&mu_);
    peers_.clear();
  }

  const std::string& address() const { return address_; }
  // The other ends of the connections that asked for metadata.
  std::set<std::string> peers() const {
    absl::MutexLock lock(&mu_);
    return peers_;
  }
  // Nothing listens at address() any more.
  void Stop() {
    server_->Shutdown();
    server_->Wait();
  }

 private:
  grpc::Status Classify(grpc::ServerContext*, const v1::ClassifyRequest* request,
                        v1::ClassifyResponse* response) override {
    return answer_(*request, *response);
  }

  // CANCELLED breaks the stream; other errors are messages on it.
  grpc::Status ClassifyStream(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ClassifyStreamResponse, v1::ClassifyRequest>* stream) override {
    v1::ClassifyRequest request;
    while (stream->Read(&request)) {
      v1::ClassifyStreamResponse message;
      const grpc::Status status = answer_(request, *message.mutable_response());
      if (status.error_code() == grpc::StatusCode::CANCELLED) return status;
      if (!status.ok()) {
        message.mutable_error()->set_code(status.error_code());
        message.mutable_error()->set_message(status.error_message());
      }
      stream->Write(message);
    }
    return grpc::Status::OK;
  }

  grpc::Status ModelMetadata(grpc::ServerContext* context,
                             const inference::ModelMetadataRequest* request,
                             inference::ModelMetadataResponse* response) override {
    absl::MutexLock lock(&mu_);
    peers_.insert(context->peer());
    if (request->name() == "missing") return {grpc::StatusCode::NOT_FOUND, "no model missing"};
    response->add_inputs()->mutable_shape()->Add(shape_.begin(), shape_.end());
    return grpc::Status::OK;
  }

  const AnswerFn answer_;
  const std::vector<int64_t> shape_;
  std::string address_;
  mutable absl::Mutex mu_;
  std::set<std::string> peers_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<grpc::Server> server_;  // last: its threads use the rest
};

}  // namespace siskin::loadtest

#endif  // SISKIN_TESTS_LOADTEST_FAKE_SERVER_H_
