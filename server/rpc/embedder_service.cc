#include "server/rpc/embedder_service.h"

#include "server/rpc/embed_codec.h"

namespace siskin::rpc {

grpc::ServerUnaryReactor* EmbedderService::Embed(grpc::CallbackServerContext* context,
                                                 const v1::EmbedRequest* message,
                                                 v1::EmbedResponse* response) {
  return AnswerUnary(*context, backend_, "Embed", *message, ParseEmbedRequest(*message),
                     [message, response](const pipeline::InferenceResult& result) {
                       FillEmbedResponse(*message, result, *response);
                     });
}

}  // namespace siskin::rpc
