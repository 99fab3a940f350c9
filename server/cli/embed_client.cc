#include "server/cli/embed_client.h"

#include <utility>

#include "siskin/v1/embedder.grpc.pb.h"

namespace siskin::cli {

std::function<Embedded(const std::string& file)> MakeEmbedder(
    const std::shared_ptr<grpc::Channel>& channel, CallOptions options, bool l2_normalise) {
  const std::shared_ptr<v1::Embedder::Stub> stub = v1::Embedder::NewStub(channel);
  return [stub, options = std::move(options), l2_normalise](const std::string& file) {
    Embedded outcome;
    outcome.file = file;
    v1::EmbedRequest request;
    request.set_l2_normalise(l2_normalise);
    const auto response = CallWithPhoto<v1::EmbedRequest, v1::EmbedResponse>(
        options, std::move(request),
        [&stub](auto* context, const auto& sent, auto* received) {
          return stub->Embed(context, sent, received);
        },
        outcome);
    outcome.embedding.assign(response.embedding().begin(), response.embedding().end());
    return outcome;
  };
}

}  // namespace siskin::cli
