#include "server/rpc/classifier_service.h"

#include "server/rpc/classify_codec.h"

namespace siskin::rpc {

grpc::ServerUnaryReactor* ClassifierService::Classify(grpc::CallbackServerContext* context,
                                                      const v1::ClassifyRequest* message,
                                                      v1::ClassifyResponse* response) {
  return AnswerUnary(*context, backend_, "Classify", *message, *response, ParseClassifyRequest,
                     FillClassifyResponse);
}

grpc::ServerBidiReactor<v1::ClassifyRequest, v1::ClassifyStreamResponse>*
ClassifierService::ClassifyStream(grpc::CallbackServerContext* context) {
  return new rpc::ClassifyStream(*context, backend_, streams_);
}

}  // namespace siskin::rpc
