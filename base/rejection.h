// Why a request is refused, or given up, before anything is computed for it. Finer than a status
// code: RESOURCE_EXHAUSTED has several causes, and operators do something else about each.
//
// The cause travels with the absl::Status, as a payload, from where the refusal is decided to where
// it is counted. It does not go over the wire.
#ifndef SISKIN_BASE_REJECTION_H_
#define SISKIN_BASE_REJECTION_H_

#include <array>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace siskin {

enum class Rejection {
  kQueueFull,        // the model's queue; RESOURCE_EXHAUSTED
  kPredictedLate,    // the answer would miss the deadline; RESOURCE_EXHAUSTED
  kOverload,         // too many requests in flight; RESOURCE_EXHAUSTED
  kPayloadBytes,     // too many payload bytes in flight; RESOURCE_EXHAUSTED
  kDraining,         // the server ends or the model is unloaded; UNAVAILABLE
  kDeadline,         // it passed before the work began; DEADLINE_EXCEEDED
  kCancelled,        // the caller has gone; CANCELLED
  kInvalidArgument,  // the request is wrong; INVALID_ARGUMENT
  kNotReady,         // no model or version of that name can be served now; NOT_FOUND or
                     // FAILED_PRECONDITION
};
inline constexpr std::array kAllRejections = {
    Rejection::kQueueFull,    Rejection::kPredictedLate,   Rejection::kOverload,
    Rejection::kPayloadBytes, Rejection::kDraining,        Rejection::kDeadline,
    Rejection::kCancelled,    Rejection::kInvalidArgument, Rejection::kNotReady};

const char* ToString(Rejection reason);  // "queue_full", "overload", ...

// An error with the code that belongs to `reason`, marked with it. REQUIRES: not kNotReady, which
// has two codes.
absl::Status Reject(Rejection reason, std::string_view message);
// The same, worth a retry after `retry_after`.
absl::Status Reject(Rejection reason, std::string_view message, absl::Duration retry_after);

// `rejection` with another code than the usual one, for clients of another server that look for it.
absl::Status RejectAs(absl::StatusCode code, const absl::Status& rejection);

// The mark that `status` carries. An error without one has a reason if its code leaves no choice:
// INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION. nullopt for OK and for what is no refusal.
std::optional<Rejection> RejectionOf(const absl::Status& status);
// When a retry is worth it, where the rejection says so.
std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

}  // namespace siskin

#endif  // SISKIN_BASE_REJECTION_H_
