#include "server/rpc/classifier_service.h"

#include <memory>
#include <utility>

#include "server/rpc/classify_codec.h"

namespace siskin::rpc {

grpc::ServerUnaryReactor* ClassifierService::Classify(grpc::CallbackServerContext* context,
                                                      const v1::ClassifyRequest* message,
                                                      v1::ClassifyResponse* response) {
  auto* call = new UnaryCall(*context, backend_.metrics, "Classify");
  auto request = ParseClassifyRequest(*message);
  if (!request.ok()) {
    call->End(request.status(), FindServable(backend_, message->model(), message->version()),
              message->id());
    return call;
  }
  request->deadline = call->deadline();
  request->cancel = call->cancel();
  Infer(
      backend_, *request,
      [message, response](const pipeline::InferenceResult& result) {
        FillClassifyResponse(*message, result, *response);
      },
      [call, message](const absl::Status& status,
                      std::shared_ptr<const engine::Servable> servable) {
        call->End(status, std::move(servable), message->id());
      });
  return call;
}

grpc::ServerBidiReactor<v1::ClassifyRequest, v1::ClassifyStreamResponse>*
ClassifierService::ClassifyStream(grpc::CallbackServerContext* context) {
  return new rpc::ClassifyStream(*context, backend_, streams_);
}

}  // namespace siskin::rpc
