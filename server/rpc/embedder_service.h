// siskin.v1.Embedder: photo or tensor in, feature vector out. Nothing blocks; answers come from the
// lanes.
#ifndef SISKIN_SERVER_RPC_EMBEDDER_SERVICE_H_
#define SISKIN_SERVER_RPC_EMBEDDER_SERVICE_H_

#include "server/rpc/call.h"
#include "siskin/v1/embedder.grpc.pb.h"

namespace siskin::rpc {

class EmbedderService final : public v1::Embedder::CallbackService {
 public:
  explicit EmbedderService(const Backend& backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* Embed(grpc::CallbackServerContext* context,
                                  const v1::EmbedRequest* request,
                                  v1::EmbedResponse* response) override;

 private:
  const Backend backend_;
};

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_EMBEDDER_SERVICE_H_
