#include "server/cli/classify_client.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "siskin/v1/classifier.grpc.pb.h"

namespace siskin::cli {
namespace {

Label ToLabel(const v1::Classification& best) {
  std::string name = best.label().empty() ? absl::StrCat("class ", best.index()) : best.label();
  return {static_cast<int>(best.index()), std::move(name), best.probability()};
}

}  // namespace

std::function<Classified(const std::string& file)> MakeClassifier(
    const std::shared_ptr<grpc::Channel>& channel, CallOptions options, int top_k) {
  const std::shared_ptr<v1::Classifier::Stub> stub = v1::Classifier::NewStub(channel);
  return [stub, options = std::move(options), top_k](const std::string& file) {
    Classified outcome;
    outcome.file = file;
    v1::ClassifyRequest request;
    request.set_top_k(static_cast<uint32_t>(top_k));
    const auto response = CallWithPhoto<v1::ClassifyRequest, v1::ClassifyResponse>(
        options, std::move(request),
        [&stub](auto* context, const auto& sent, auto* received) {
          return stub->Classify(context, sent, received);
        },
        outcome);
    for (const v1::Classification& best : response.classifications()) {
      outcome.labels.push_back(ToLabel(best));
    }
    return outcome;
  };
}

}  // namespace siskin::cli
