// What all RPCs have in common: who they work with, how they end, how they are counted.
#ifndef SISKIN_SERVER_RPC_CALL_H_
#define SISKIN_SERVER_RPC_CALL_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/batching/task.h"
#include "server/engine/model_registry.h"
#include "server/metrics/metrics.h"
#include "server/pipeline/admission.h"
#include "server/pipeline/inference.h"

namespace siskin::rpc {

// The rest of the server, as the services see it. All outlive them.
struct Backend {
  pipeline::Inference& inference;
  pipeline::Admission& admission;
  const engine::ModelRegistry& registry;
  metrics::Metrics& metrics;
};

// absl::InfiniteFuture() if the client set none.
absl::Time Deadline(const grpc::CallbackServerContext& context);

// One request as the metrics see it, from arrival to answer.
class RequestRecord {
 public:
  // `method` is a literal, the name of the RPC without its service: no two services share one.
  explicit RequestRecord(std::string_view method) : method_(method) {}

  // Who answered; stays null if the request names nobody who can be served.
  void set_servable(std::shared_ptr<const engine::Servable> servable) {
    servable_ = std::move(servable);
  }
  void Report(absl::StatusCode code, metrics::Metrics& metrics) const;

 private:
  std::string_view method_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::shared_ptr<const engine::Servable> servable_;
};

// The servable a request names, if it can be served: failures are counted under its name too.
std::shared_ptr<const engine::Servable> FindServable(
    const Backend& backend, std::string_view model, std::string_view version,
    std::optional<models::Task> task = std::nullopt);

// Takes a result, to make an answer of it.
using Fill = absl::AnyInvocable<void(const pipeline::InferenceResult&)>;
// The end of an inference. `servable` is the one asked for, also after an error; null if there is
// none.
using Answered =
    absl::AnyInvocable<void(const absl::Status&, std::shared_ptr<const engine::Servable>)>;

// Runs `request`: `fill` on success, then `answered` exactly once, possibly before Infer returns
// and possibly on another thread. What `request` borrows must stay until then.
void Infer(const Backend& backend, const pipeline::InferenceRequest& request, Fill fill,
           Answered answered);

// The reactor of every unary RPC: deletes itself when gRPC is done with it. It is answered by
// calling End exactly once, from any thread; cancellation sets the flag meanwhile.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(const grpc::CallbackServerContext& context, metrics::Metrics& metrics,
            std::string_view method)
      : context_(context), metrics_(metrics), record_(method) {}

  absl::Time deadline() const { return Deadline(context_); }
  std::shared_ptr<const batching::CancelFlag> cancel() const { return cancel_; }

  // The call may be gone when this returns.
  void End(const absl::Status& status, std::shared_ptr<const engine::Servable> servable,
           const std::string& request_id);

  void OnCancel() override { cancel_->Cancel(); }
  void OnDone() override;

 private:
  const grpc::CallbackServerContext& context_;
  metrics::Metrics& metrics_;
  const std::shared_ptr<batching::CancelFlag> cancel_ = std::make_shared<batching::CancelFlag>();
  RequestRecord record_;
  absl::StatusCode code_ = absl::StatusCode::kUnknown;
};

// The whole of a unary RPC of siskin.v1: runs `request`, which was parsed from `message`, and
// answers with what `fill` makes of the result, or with the error. `message` lives as long as the
// call.
template <typename Message>
grpc::ServerUnaryReactor* AnswerUnary(const grpc::CallbackServerContext& context,
                                      const Backend& backend, std::string_view method,
                                      const Message& message,
                                      absl::StatusOr<pipeline::InferenceRequest> request,
                                      Fill fill) {
  auto* call = new UnaryCall(context, backend.metrics, method);
  if (!request.ok()) {
    call->End(request.status(), FindServable(backend, message.model(), message.version()),
              message.id());
    return call;
  }
  request->deadline = call->deadline();
  request->cancel = call->cancel();
  Infer(backend, *request, std::move(fill),
        [call, &message](const absl::Status& status,
                         std::shared_ptr<const engine::Servable> servable) {
          call->End(status, std::move(servable), message.id());
        });
  return call;
}

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_CALL_H_
