// The one place where an absl::Status becomes what a gRPC client sees.
//
// The code is the same number. The details (a serialized google.rpc.Status, which travels in
// grpc-status-details-bin) always hold an ErrorInfo: domain "siskin", and the code's name as the
// reason. RESOURCE_EXHAUSTED and UNAVAILABLE also hold a RetryInfo: another try may succeed.
#ifndef SISKIN_SERVER_RPC_GRPC_STATUS_H_
#define SISKIN_SERVER_RPC_GRPC_STATUS_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"

namespace siskin::rpc {

// Longest message sent. Clients refuse trailing metadata of more than 8 KiB, and the message is in
// there twice: percent-encoded (up to three times its length) and, in base64, in the details.
inline constexpr size_t kMaxMessageBytes = 1024;

// INTERNAL, which is our fault, is logged with `request_id` (the client's; may be empty).
grpc::Status ToGrpcStatus(const absl::Status& status, absl::string_view request_id);

// When another try may succeed: as the rejection predicts, or a guess by the code. nullopt: a retry
// does not help.
std::optional<absl::Duration> RetryDelay(const absl::Status& status);

// `message`, cut to kMaxMessageBytes at the end of a UTF-8 character. An ellipsis marks the cut.
std::string CutMessage(absl::string_view message);

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_GRPC_STATUS_H_
