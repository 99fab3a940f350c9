#include "server/rpc/grpc_status.h"

#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "spdlog/spdlog.h"

namespace siskin::rpc {
namespace {

constexpr absl::string_view kDomain = "siskin";
constexpr absl::string_view kEllipsis = "...";

// When another try may succeed. A full queue moves on within a few batches; a draining server does
// not come back, but a balancer finds another one soon.
std::optional<int64_t> RetryDelayMs(absl::StatusCode code) {
  if (code == absl::StatusCode::kResourceExhausted) return 100;
  if (code == absl::StatusCode::kUnavailable) return 1000;
  return std::nullopt;
}

std::string SerializeDetails(absl::StatusCode code, const std::string& message) {
  google::rpc::Status details;
  details.set_code(static_cast<int32_t>(code));
  details.set_message(message);

  google::rpc::ErrorInfo info;
  info.set_reason(absl::StatusCodeToString(code));
  info.set_domain(std::string(kDomain));
  details.add_details()->PackFrom(info);

  if (const auto delay_ms = RetryDelayMs(code)) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(*delay_ms / 1000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(*delay_ms % 1000 * 1'000'000));
    details.add_details()->PackFrom(retry);
  }
  return details.SerializeAsString();
}

}  // namespace

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
                      SerializeDetails(code, message));
}

}  // namespace siskin::rpc
