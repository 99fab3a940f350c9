#include "base/rejection.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace siskin {
namespace {

constexpr char kPayload[] = "siskin/rejection";
constexpr char kRetryAfterPayload[] = "siskin/retry-after";  // nanoseconds

absl::StatusCode CodeOf(Rejection reason) {
  switch (reason) {
    case Rejection::kQueueFull:
    case Rejection::kPredictedLate:
    case Rejection::kOverload:
    case Rejection::kPayloadBytes:
      return absl::StatusCode::kResourceExhausted;
    case Rejection::kDraining:
      return absl::StatusCode::kUnavailable;
    case Rejection::kDeadline:
      return absl::StatusCode::kDeadlineExceeded;
    case Rejection::kCancelled:
      return absl::StatusCode::kCancelled;
    case Rejection::kInvalidArgument:
      return absl::StatusCode::kInvalidArgument;
    case Rejection::kNotReady:
      return absl::StatusCode::kFailedPrecondition;
  }
  return absl::StatusCode::kUnknown;
}

}  // namespace

const char* ToString(Rejection reason) {
  switch (reason) {
    case Rejection::kQueueFull:
      return "queue_full";
    case Rejection::kPredictedLate:
      return "predicted_late";
    case Rejection::kOverload:
      return "overload";
    case Rejection::kPayloadBytes:
      return "payload_bytes";
    case Rejection::kDraining:
      return "draining";
    case Rejection::kDeadline:
      return "deadline";
    case Rejection::kCancelled:
      return "cancelled";
    case Rejection::kInvalidArgument:
      return "invalid_argument";
    case Rejection::kNotReady:
      return "not_ready";
  }
  return "unknown";
}

absl::Status Reject(Rejection reason, std::string_view message) {
  absl::Status status(CodeOf(reason), std::string(message));
  status.SetPayload(kPayload, absl::Cord(ToString(reason)));
  return status;
}

absl::Status Reject(Rejection reason, std::string_view message, absl::Duration retry_after) {
  absl::Status status = Reject(reason, message);
  status.SetPayload(kRetryAfterPayload,
                    absl::Cord(absl::StrCat(absl::ToInt64Nanoseconds(retry_after))));
  return status;
}

absl::Status RejectAs(absl::StatusCode code, const absl::Status& rejection) {
  absl::Status status(code, rejection.message());
  rejection.ForEachPayload([&status](absl::string_view name, const absl::Cord& payload) {
    status.SetPayload(name, payload);
  });
  return status;
}

std::optional<absl::Duration> RetryAfterOf(const absl::Status& status) {
  const auto mark = status.GetPayload(kRetryAfterPayload);
  int64_t nanoseconds = 0;
  if (!mark.has_value() || !absl::SimpleAtoi(std::string(*mark), &nanoseconds)) return std::nullopt;
  return absl::Nanoseconds(nanoseconds);
}

std::optional<Rejection> RejectionOf(const absl::Status& status) {
  if (status.ok()) return std::nullopt;
  if (const auto mark = status.GetPayload(kPayload); mark.has_value()) {
    for (const Rejection reason : kAllRejections) {
      if (*mark == ToString(reason)) return reason;
    }
  }
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return Rejection::kInvalidArgument;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
      return Rejection::kNotReady;
    default:
      return std::nullopt;
  }
}

}  // namespace siskin
