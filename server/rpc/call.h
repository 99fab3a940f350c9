// What all RPCs have in common: the parts they work with, how they end, how they are counted.
#ifndef SISKIN_SERVER_RPC_CALL_H_
#define SISKIN_SERVER_RPC_CALL_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/rejection.h"
#include "google/protobuf/message_lite.h"
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

// When the client gives up: converted here, once, from the wall time that gRPC tells.
// MonotonicTime::InfiniteFuture() if it set none.
MonotonicTime Deadline(const grpc::CallbackServerContext& context);

// One request as the metrics see it, from arrival to answer.
class RequestRecord {
 public:
  // `method` is a literal, the name of the RPC without its service: no two services share one.
  // `model` is the one that the request names, empty if none; borrowed.
  RequestRecord(std::string_view method, std::string_view model) : method_(method), model_(model) {}

  // How it ended. `servable` is the one that answered; null if the request names none that can be
  // served.
  void SetOutcome(const absl::Status& status, std::shared_ptr<const engine::Servable> servable) {
    rejection_ = RejectionOf(status);
    servable_ = std::move(servable);
  }
  void Report(absl::StatusCode code, metrics::Metrics& metrics) const;
  MonotonicTime arrived() const { return start_; }

 private:
  std::string_view method_;
  std::string_view model_;
  std::optional<Rejection> rejection_;
  MonotonicTime start_ = Clock::Real().Now();
  std::shared_ptr<const engine::Servable> servable_;
};

// The servable a request names, if it can be served: failures are counted under its name too.
std::shared_ptr<const engine::Servable> FindServable(
    const Backend& backend, std::string_view model, std::string_view version,
    std::optional<models::OutputKind> kind = std::nullopt);

// Takes a result, to make an answer of it.
using Fill = absl::AnyInvocable<void(const pipeline::InferenceResult&)>;
// The end of an inference. `servable` is the one that the request names, also after an error; null
// if there is none.
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
  using Message = google::protobuf::MessageLite;

  // `request` and `response` are gRPC's and live as long as the call.
  UnaryCall(grpc::CallbackServerContext& context, const Backend& backend, RequestRecord record,
            const Message& request, const Message& response);

  // By when the answer has to be ready; earlier than the client's deadline by the DeadlineMargin.
  MonotonicTime ready_by() const { return ready_by_; }
  std::shared_ptr<const batching::CancelFlag> cancel() const { return cancel_; }

  // The call may be gone when this returns.
  void End(const absl::Status& status, std::shared_ptr<const engine::Servable> servable,
           const std::string& request_id);

  void OnCancel() override { cancel_->Cancel(); }
  void OnDone() override;

 private:
  grpc::CallbackServerContext& context_;
  RequestRecord record_;
  const MonotonicTime deadline_;  // of the client
  const MonotonicTime ready_by_;
  const Backend& backend_;
  const std::shared_ptr<batching::CancelFlag> cancel_ = std::make_shared<batching::CancelFlag>();
  const Message& response_;
  absl::StatusCode code_ = absl::StatusCode::kUnknown;
};

// The whole of a unary RPC of siskin.v1: runs what `parse` makes of `message`, and answers with
// what `fill` makes of the result, or with the error. Both messages live as long as the call.
// `parse` borrows from `message`; its errors are about what is wrong whatever the model, since the
// pipeline checks the rest. Deadline and cancellation are set here.
template <typename Request, typename Response>
grpc::ServerUnaryReactor* AnswerUnary(
    grpc::CallbackServerContext& context, const Backend& backend, std::string_view method,
    const Request& message, Response& response,
    absl::StatusOr<pipeline::InferenceRequest> (*parse)(const Request&),
    void (*fill)(const Request&, const pipeline::InferenceResult&, Response&)) {
  auto* call = new UnaryCall(context, backend, {method, message.model()}, message, response);
  absl::StatusOr<pipeline::InferenceRequest> request = parse(message);
  if (!request.ok()) {
    call->End(request.status(), FindServable(backend, message.model(), message.version()),
              message.id());
    return call;
  }
  request->deadline = call->ready_by();
  request->cancel = call->cancel();
  Infer(
      backend, *request,
      [&message, &response, fill](const pipeline::InferenceResult& result) {
        fill(message, result, response);
      },
      [call, &message](const absl::Status& status,
                       std::shared_ptr<const engine::Servable> servable) {
        call->End(status, std::move(servable), message.id());
      });
  return call;
}

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_CALL_H_
