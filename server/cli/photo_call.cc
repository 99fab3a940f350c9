#include "server/cli/photo_call.h"

namespace siskin::cli {
namespace {

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

}  // namespace

void SetTiming(const v1::Timing& timing, Outcome& outcome) {
  outcome.queue = ToDuration(timing.queue());
  outcome.decode = ToDuration(timing.decode());
  outcome.compute = ToDuration(timing.compute());
  outcome.batch_size = static_cast<int>(timing.batch_size());
}

absl::Status ToAbslStatus(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace siskin::cli
