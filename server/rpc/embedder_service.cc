#include "server/rpc/embedder_service.h"

#include <cmath>

#include "server/rpc/v1_codec.h"

namespace siskin::rpc {
namespace {

// What to multiply `vector` with, to make it one of length 1.
float InverseLength(absl::Span<const float> vector) {
  double sum_of_squares = 0;
  for (const float value : vector) sum_of_squares += double{value} * double{value};
  return sum_of_squares > 0 ? static_cast<float>(1 / std::sqrt(sum_of_squares)) : 1;
}

absl::StatusOr<pipeline::InferenceRequest> ParseEmbedRequest(const v1::EmbedRequest& message) {
  auto request = ParsePhotoOrTensor(message, models::OutputKind::kClassification);
  if (request.ok()) request->selector = engine::OutputSelector::kFeatures;
  return request;
}

// The features of the only image of `result`. A vector of zeros has no direction: it is not
// normalised.
void FillEmbedResponse(const v1::EmbedRequest& message, const pipeline::InferenceResult& result,
                       v1::EmbedResponse& response) {
  FillCommon(message, result, response);
  const float factor = message.l2_normalise() ? InverseLength(result.outputs) : 1;
  response.mutable_embedding()->Reserve(static_cast<int>(result.outputs.size()));
  for (const float value : result.outputs) response.add_embedding(value * factor);
}

}  // namespace

grpc::ServerUnaryReactor* EmbedderService::Embed(grpc::CallbackServerContext* context,
                                                 const v1::EmbedRequest* message,
                                                 v1::EmbedResponse* response) {
  return AnswerUnary(*context, backend_, "Embed", *message, *response, ParseEmbedRequest,
                     FillEmbedResponse);
}

}  // namespace siskin::rpc
