#include "server/rpc/classifier_service.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "server/pipeline/top_k.h"
#include "server/rpc/v1_codec.h"

namespace siskin::rpc {

absl::StatusOr<pipeline::InferenceRequest> ParseClassifyRequest(
    const v1::ClassifyRequest& message) {
  return ParsePhotoOrTensor(message, models::OutputKind::kClassification);
}

void FillClassifyResponse(const v1::ClassifyRequest& message,
                          const pipeline::InferenceResult& result, v1::ClassifyResponse& response) {
  FillCommon(message, result, response);
  const std::vector<std::string>& labels = result.servable->model->labels();
  const uint32_t wanted = message.top_k() == 0 ? kDefaultTopK : message.top_k();
  const int k = static_cast<int>(std::min(wanted, static_cast<uint32_t>(result.outputs.size())));
  for (const pipeline::ScoredClass& best : pipeline::TopK(result.outputs, k)) {
    v1::Classification& out = *response.add_classifications();
    out.set_index(static_cast<uint32_t>(best.index));
    out.set_probability(best.probability);
    if (!labels.empty()) out.set_label(labels[static_cast<size_t>(best.index)]);
  }
}

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
