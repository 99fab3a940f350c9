#include "loadtest/connection.h"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "inference/grpc_service.grpc.pb.h"

namespace siskin::loadtest {
namespace {

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& server) {
  grpc::ChannelArguments arguments;
  // Without it, channels to one address share a connection.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A retried request would be measured as one slow answer.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
}

bool IsImage(const inference::ModelMetadataResponse::TensorMetadata& input) {
  const auto is_side = [](int64_t side) { return side > 0 && side <= kMaxSide; };
  return input.shape_size() == 4 && input.shape(1) == 3 && is_side(input.shape(2)) &&
         is_side(input.shape(3));
}

}  // namespace

absl::StatusOr<std::vector<std::shared_ptr<grpc::Channel>>> Connect(const Options& options) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < options.connections; ++i) {
    channels.push_back(MakeChannel(options.server));
    channels.back()->GetState(/*try_to_connect=*/true);
  }
  const auto deadline = absl::ToChronoTime(absl::Now() + options.timeout);
  for (const auto& channel : channels) {
    if (!channel->WaitForConnected(deadline)) {
      return absl::UnavailableError(absl::StrCat("cannot connect to ", options.server, " within ",
                                                 absl::FormatDuration(options.timeout),
                                                 ": is the server running there?"));
    }
  }
  return channels;
}

absl::StatusOr<std::vector<int64_t>> AskForShape(const Options& options,
                                                 const std::shared_ptr<grpc::Channel>& channel) {
  inference::ModelMetadataRequest request;
  request.set_name(options.model);
  request.set_version(options.version);
  inference::ModelMetadataResponse response;
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + options.timeout));
  const grpc::Status status = inference::GRPCInferenceService::NewStub(channel)->ModelMetadata(
      &context, request, &response);
  if (!status.ok()) {
    return absl::Status(
        static_cast<absl::StatusCode>(status.error_code()),
        absl::StrCat("ModelMetadata of model \"", options.model, "\": ", status.error_message(),
                     " (--model names another, --shape 3,H,W does without asking)"));
  }
  for (const auto& input : response.inputs()) {
    if (IsImage(input)) return std::vector<int64_t>(input.shape().begin() + 1, input.shape().end());
  }
  return absl::FailedPreconditionError(
      absl::StrCat("model \"", options.model,
                   "\" tells of no input [-1, 3, height, width]; give --shape 3,H,W"));
}

}  // namespace siskin::loadtest
