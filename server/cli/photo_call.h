// One photo, one request: what the services of siskin.v1 take and answer alike.
#ifndef SISKIN_SERVER_CLI_PHOTO_CALL_H_
#define SISKIN_SERVER_CLI_PHOTO_CALL_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "server/cli/file_list.h"
#include "siskin/v1/common.pb.h"

namespace siskin::cli {

struct CallOptions {
  std::string model;    // empty: the server's only one for the task
  std::string version;  // empty: the highest
  absl::Duration timeout = absl::Seconds(10);
};

// What became of one file, whatever was asked about it.
struct Outcome {
  std::string file;
  absl::Status status;  // the rest is empty unless OK
  std::string model;
  std::string version;
  std::string warning;   // set: the answer must not be trusted
  absl::Duration queue;  // at the server
  absl::Duration decode;
  absl::Duration compute;
  int batch_size = 0;
  absl::Duration total;  // seen from here, the network included
};

// The server has its own, lower limit; this one is only there to not read a film into memory.
inline constexpr size_t kMaxPhotoBytes = size_t{256} << 20;

void SetTiming(const v1::Timing& timing, Outcome& outcome);
absl::Status ToAbslStatus(const grpc::Status& status);

// Calls `method`, of a stub, with the photo `outcome.file` and `request`, which says what is
// special to the method. Fills `outcome`; returns the response, unspecified unless outcome.status
// is OK.
template <typename Request, typename Response>
Response CallWithPhoto(
    const CallOptions& options, Request request,
    const std::function<grpc::Status(grpc::ClientContext*, const Request&, Response*)>& method,
    Outcome& outcome) {
  Response response;
  absl::StatusOr<std::string> photo = ReadFile(outcome.file, kMaxPhotoBytes);
  outcome.status = photo.status();
  if (!photo.ok()) return response;
  request.set_model(options.model);
  request.set_version(options.version);
  request.set_image(*std::move(photo));
  const MonotonicTime start = Clock::Real().Now();
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + options.timeout));
  outcome.status = ToAbslStatus(method(&context, request, &response));
  outcome.total = Clock::Real().Now() - start;
  if (!outcome.status.ok()) return response;
  outcome.model = response.model();
  outcome.version = response.version();
  outcome.warning = response.warning();
  SetTiming(response.timing(), outcome);
  return response;
}

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_PHOTO_CALL_H_
