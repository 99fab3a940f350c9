// Photos to labels through a running server: siskin.v1.Classifier without its wire types.
#ifndef SISKIN_SERVER_CLI_CLASSIFY_CLIENT_H_
#define SISKIN_SERVER_CLI_CLASSIFY_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "grpcpp/channel.h"
#include "server/cli/photo_call.h"

namespace siskin::cli {

struct Label {
  int index = 0;
  std::string name;  // "class 7" if the model has no labels
  double probability = 0;
};

struct Classified : Outcome {
  std::vector<Label> labels;  // best first
};

// The returned function classifies a file. Thread-safe.
std::function<Classified(const std::string& file)> MakeClassifier(
    const std::shared_ptr<grpc::Channel>& channel, CallOptions options, int top_k);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_CLASSIFY_CLIENT_H_
