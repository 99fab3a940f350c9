#include "server/rpc/inference_service.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "base/version.h"
#include "server/rpc/infer_request.h"
#include "server/rpc/infer_response.h"
#include "server/rpc/model_tensors.h"

namespace siskin::rpc {
namespace {

using Servable = std::shared_ptr<const engine::Servable>;

using Message = google::protobuf::MessageLite;

// Answers an RPC that needs no inference. `answer` fills the response and returns the model version
// that it describes, null for the server itself, or an error.
template <typename Answer>
grpc::ServerUnaryReactor* AnswerNow(grpc::CallbackServerContext* context, const Backend& backend,
                                    const RequestRecord& record, const Message& request,
                                    const Message& response, Answer answer) {
  auto* call = new UnaryCall(*context, backend, record, request, response);
  absl::StatusOr<Servable> servable = answer();
  if (servable.ok()) {
    call->End(absl::OkStatus(), *std::move(servable), "");
  } else {
    call->End(servable.status(), nullptr, "");
  }
  return call;
}

// `shape` is that for one image.
void FillTensor(const std::string& name, const std::vector<int64_t>& shape,
                ::inference::ModelMetadataResponse::TensorMetadata& tensor) {
  tensor.set_name(name);
  tensor.set_datatype("FP32");
  tensor.add_shape(-1);  // any number of images
  for (const int64_t dimension : shape) tensor.add_shape(dimension);
}

}  // namespace

grpc::ServerUnaryReactor* InferenceService::ServerLive(
    grpc::CallbackServerContext* context, const ::inference::ServerLiveRequest* request,
    ::inference::ServerLiveResponse* response) {
  return AnswerNow(context, backend_, {"ServerLive", ""}, *request, *response,
                   [response]() -> Servable {
                     response->set_live(true);
                     return nullptr;
                   });
}

grpc::ServerUnaryReactor* InferenceService::ServerReady(
    grpc::CallbackServerContext* context, const ::inference::ServerReadyRequest* request,
    ::inference::ServerReadyResponse* response) {
  return AnswerNow(context, backend_, {"ServerReady", ""}, *request, *response,
                   [this, response]() -> Servable {
                     response->set_ready(health_.ready());
                     return nullptr;
                   });
}

grpc::ServerUnaryReactor* InferenceService::ModelReady(
    grpc::CallbackServerContext* context, const ::inference::ModelReadyRequest* request,
    ::inference::ModelReadyResponse* response) {
  // An unknown model is not an error here, it is not ready: so do Triton and KServe.
  return AnswerNow(context, backend_, {"ModelReady", request->name()}, *request, *response,
                   [this, request, response] {
                     auto servable = FindServable(backend_, request->name(), request->version());
                     response->set_ready(servable != nullptr);
                     return servable;
                   });
}

grpc::ServerUnaryReactor* InferenceService::ServerMetadata(
    grpc::CallbackServerContext* context, const ::inference::ServerMetadataRequest* request,
    ::inference::ServerMetadataResponse* response) {
  return AnswerNow(context, backend_, {"ServerMetadata", ""}, *request, *response,
                   [response]() -> Servable {
                     response->set_name("siskin");
                     response->set_version(Version());
                     response->add_extensions("classification");
                     response->add_extensions("binary_tensor_data");
                     return nullptr;
                   });
}

grpc::ServerUnaryReactor* InferenceService::ModelMetadata(
    grpc::CallbackServerContext* context, const ::inference::ModelMetadataRequest* request,
    ::inference::ModelMetadataResponse* response) {
  return AnswerNow(
      context, backend_, {"ModelMetadata", request->name()}, *request, *response,
      [this, request, response]() -> absl::StatusOr<Servable> {
        SISKIN_ASSIGN_OR_RETURN(Servable servable,
                                backend_.registry.Resolve(request->name(), request->version()));
        const engine::LoadedModel& model = *servable->model;
        response->set_name(model.name());
        response->set_platform("siskin_onednn");
        for (const engine::VersionStatus& status : backend_.registry.List()) {
          if (status.model != model.name() || status.state != engine::ModelState::kReady) continue;
          if (request->version().empty() || status.version == model.version()) {
            response->add_versions(status.version);
          }
        }
        FillTensor(kInputName, {3, model.input().height, model.input().width},
                   *response->add_inputs());
        for (const OutputTensor& output : OutputsOf(model)) {
          FillTensor(output.name, output.shape, *response->add_outputs());
        }
        return servable;
      });
}

grpc::ServerUnaryReactor* InferenceService::ModelInfer(
    grpc::CallbackServerContext* context, const ::inference::ModelInferRequest* message,
    ::inference::ModelInferResponse* response) {
  auto* call =
      new UnaryCall(*context, backend_, {"ModelInfer", message->model_name()}, *message, *response);
  auto found = backend_.registry.Resolve(message->model_name(), message->model_version());
  if (!found.ok()) {
    call->End(found.status(), nullptr, message->id());
    return call;
  }
  const Servable servable = *std::move(found);
  auto infer = std::make_unique<InferCall>();
  if (const absl::Status status = ParseInferRequest(*message, OutputsOf(*servable->model), *infer);
      !status.ok()) {
    call->End(status, servable, message->id());
    return call;
  }
  // The version whose outputs were looked up, even if a higher one becomes ready meanwhile.
  infer->request.version = servable->model->version();
  infer->request.deadline = call->ready_by();
  infer->request.cancel = call->cancel();
  const pipeline::InferenceRequest& request = infer->request;
  // What the pipeline borrows from lives in the callback.
  Infer(
      backend_, request,
      [message, response, servable,
       infer = std::move(infer)](const pipeline::InferenceResult& result) {
        FillInferResponse(*message, infer->outputs, result, *response);
      },
      [call, message](const absl::Status& status, Servable servable) {
        call->End(status, std::move(servable), message->id());
      });
  return call;
}

}  // namespace siskin::rpc
