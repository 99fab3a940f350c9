#include "server/rpc/call.h"

#include <utility>

#include "absl/time/clock.h"
#include "server/rpc/grpc_status.h"

namespace siskin::rpc {
MonotonicTime Deadline(const grpc::CallbackServerContext& context) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) {
    return MonotonicTime::InfiniteFuture();
  }
  return FromWallTime(absl::FromChrono(deadline));
}

void RequestRecord::Report(absl::StatusCode code, metrics::Metrics& metrics) const {
  const absl::Duration duration = Clock::Real().Now() - start_;
  std::string_view model = model_;
  std::string_view version;
  if (servable_ != nullptr) {
    model = servable_->model->name();
    version = servable_->model->version();
  }
  // First, so that a scrape that has the request counted has its refusal counted, too.
  if (rejection_.has_value()) metrics.OnRejected(model, *rejection_);
  metrics.OnRequest(model, version, method_, code, duration);
}

std::shared_ptr<const engine::Servable> FindServable(const Backend& backend, std::string_view model,
                                                     std::string_view version,
                                                     std::optional<models::OutputKind> kind) {
  auto servable = backend.registry.Resolve(model, version, kind);
  return servable.ok() ? *std::move(servable) : nullptr;
}

void Infer(const Backend& backend, const pipeline::InferenceRequest& request, Fill fill,
           Answered answered) {
  backend.inference.Start(
      request, [&backend, name = request.model, version = request.version, kind = request.kind,
                fill = std::move(fill), answered = std::move(answered)](
                   absl::StatusOr<pipeline::InferenceResult> result) mutable {
        if (!result.ok()) {
          answered(result.status(), FindServable(backend, name, version, kind));
          return;
        }
        const MonotonicTime start = Clock::Real().Now();
        fill(*result);
        const engine::LoadedModel& model = *result->servable->model;
        backend.metrics.OnStages(model.name(), model.version(), result->timing,
                                 Clock::Real().Now() - start);
        answered(absl::OkStatus(), std::move(result->servable));
      });
}

UnaryCall::UnaryCall(grpc::CallbackServerContext& context, const Backend& backend,
                     RequestRecord record, const Message& request, const Message& response)
    : context_(context),
      record_(std::move(record)),
      deadline_(Deadline(context)),
      ready_by_(backend.inference.deadline_margin().ReadyBy(deadline_, record_.arrived())),
      backend_(backend),
      response_(response) {
  backend_.metrics.OnMessage(metrics::Direction::kReceived, request.ByteSizeLong());
}

void UnaryCall::End(const absl::Status& status, std::shared_ptr<const engine::Servable> servable,
                    const std::string& request_id) {
  code_ = status.code();
  record_.SetOutcome(status, std::move(servable));
  if (const auto delay = RetryDelay(status); delay.has_value()) {
    // What the retry policy of gRPC's own clients goes by; RetryInfo is for programs.
    context_.AddTrailingMetadata(
        "grpc-retry-pushback-ms",
        absl::StrCat(absl::ToInt64Milliseconds(absl::Ceil(*delay, absl::Milliseconds(1)))));
  }
  if (status.ok()) backend_.metrics.OnMessage(metrics::Direction::kSent, response_.ByteSizeLong());
  Finish(ToGrpcStatus(status, request_id));
}

void UnaryCall::OnDone() {
  const MonotonicTime now = Clock::Real().Now();
  const bool given_up = context_.IsCancelled();
  if (code_ == absl::StatusCode::kOk) {
    backend_.inference.deadline_margin().Observe(deadline_, record_.arrived(), now, given_up);
  }
  // What the client saw: an answer after its deadline, or after it went away, did not reach it.
  if (given_up) {
    code_ = now >= deadline_ ? absl::StatusCode::kDeadlineExceeded : absl::StatusCode::kCancelled;
  }
  record_.Report(code_, backend_.metrics);
  delete this;
}

}  // namespace siskin::rpc
