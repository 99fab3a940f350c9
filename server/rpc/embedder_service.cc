#include "server/rpc/embedder_service.h"

#include "server/rpc/embed_codec.h"

namespace siskin::rpc {

grpc::ServerUnaryReactor* EmbedderService::Embed(grpc::CallbackServerContext* context,
                                                 const v1::EmbedRequest* message,
                                                 v1::EmbedResponse* response) {
  return AnswerUnary(*context, backend_, "Embed", *message, *response, ParseEmbedRequest,
                     FillEmbedResponse);
}

}  // namespace siskin::rpc
