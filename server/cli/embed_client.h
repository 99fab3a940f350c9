// Photos to embeddings through a running server: siskin.v1.Embedder without its wire types.
#ifndef SISKIN_SERVER_CLI_EMBED_CLIENT_H_
#define SISKIN_SERVER_CLI_EMBED_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "grpcpp/channel.h"
#include "server/cli/photo_call.h"

namespace siskin::cli {

struct Embedded : Outcome {
  std::vector<float> embedding;
};

// The returned function embeds a file, scaled to length 1 if `l2_normalise`. Thread-safe.
std::function<Embedded(const std::string& file)> MakeEmbedder(
    const std::shared_ptr<grpc::Channel>& channel, CallOptions options, bool l2_normalise);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_EMBED_CLIENT_H_
