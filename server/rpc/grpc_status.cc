#include "server/rpc/grpc_status.h"

#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/rejection.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "spdlog/spdlog.h"

namespace siskin::rpc {
namespace {

constexpr absl::string_view kDomain = "siskin";
constexpr absl::string_view kEllipsis = "...";

std::string SerializeDetails(const absl::Status& status, const std::string& message) {
  const absl::StatusCode code = status.code();
  google::rpc::Status details;
  details.set_code(static_cast<int32_t>(code));
  details.set_message(message);

  google::rpc::ErrorInfo info;
  info.set_reason(absl::StatusCodeToString(code));
  info.set_domain(std::string(kDomain));
  details.add_details()->PackFrom(info);

  if (const auto delay = RetryDelay(status); delay.has_value()) {
    const int64_t nanoseconds = absl::ToInt64Nanoseconds(*delay);
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(nanoseconds / 1'000'000'000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(nanoseconds % 1'000'000'000));
    details.add_details()->PackFrom(retry);
  }
  return details.SerializeAsString();
}

}  // namespace

// Without a prediction: a limit on what is in flight gives way within a few batches; a draining
// server does not come back, but a balancer finds another one soon.
std::optional<absl::Duration> RetryDelay(const absl::Status& status) {
  if (const auto predicted = RetryAfterOf(status); predicted.has_value()) return predicted;
  if (absl::IsResourceExhausted(status)) return absl::Milliseconds(100);
  if (absl::IsUnavailable(status)) return absl::Seconds(1);
  return std::nullopt;
}

std::string CutMessage(absl::string_view message) {
  if (message.size() <= kMaxMessageBytes) return std::string(message);
  size_t end = kMaxMessageBytes - kEllipsis.size();
  // A byte 10xxxxxx continues a character: do not cut before one.
  while (end > 0 && (static_cast<uint8_t>(message[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(message.substr(0, end), kEllipsis);
}

grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view request_id) {
  if (status.ok()) return grpc::Status::OK;
  const absl::StatusCode code = status.code();
  if (code == absl::StatusCode::kInternal) {
    spdlog::error("internal error, request id '{}': {}", std::string(request_id),
                  std::string(status.message()));
  }
  const std::string message = CutMessage(status.message());
  return grpc::Status(static_cast<grpc::StatusCode>(code), message,
                      SerializeDetails(status, message));
}

}  // namespace siskin::rpc
