// siskin.v1.Classifier: photo or tensor in, labels out. Nothing blocks; answers come from the
// lanes.
#ifndef SISKIN_SERVER_RPC_CLASSIFIER_SERVICE_H_
#define SISKIN_SERVER_RPC_CLASSIFIER_SERVICE_H_

#include "absl/status/statusor.h"
#include "server/pipeline/inference.h"
#include "server/rpc/call.h"
#include "server/rpc/classify_stream.h"
#include "siskin/v1/classifier.grpc.pb.h"
#include "siskin/v1/classifier.pb.h"

namespace siskin::rpc {

inline constexpr int kDefaultTopK = 5;

// For Classify and for each request of ClassifyStream. Borrows model, version and payload from
// `message`. INVALID_ARGUMENT for what is wrong whatever the model; the pipeline checks the rest.
// Deadline and cancellation are left to the caller.
absl::StatusOr<pipeline::InferenceRequest> ParseClassifyRequest(const v1::ClassifyRequest& message);

// The best classes of the only image of `result`.
void FillClassifyResponse(const v1::ClassifyRequest& message,
                          const pipeline::InferenceResult& result, v1::ClassifyResponse& response);

class ClassifierService final : public v1::Classifier::CallbackService {
 public:
  explicit ClassifierService(const Backend& backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* Classify(grpc::CallbackServerContext* context,
                                     const v1::ClassifyRequest* request,
                                     v1::ClassifyResponse* response) override;
  grpc::ServerBidiReactor<v1::ClassifyRequest, v1::ClassifyStreamResponse>* ClassifyStream(
      grpc::CallbackServerContext* context) override;

  // Ends the open streams once what they have read is answered. Unary calls end by themselves.
  void Drain() { streams_.Drain(); }

 private:
  const Backend backend_;
  OpenStreams streams_;
};

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_CLASSIFIER_SERVICE_H_
