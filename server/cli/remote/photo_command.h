// A subcommand that sends photos to a server: its flags, one call a photo, the loop over the files,
// and how the outcomes are printed.
#ifndef SISKIN_SERVER_CLI_REMOTE_PHOTO_COMMAND_H_
#define SISKIN_SERVER_CLI_REMOTE_PHOTO_COMMAND_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "nlohmann/json_fwd.hpp"
#include "server/cli/command_line.h"
#include "server/cli/console.h"
#include "server/cli/remote/channel.h"
#include "server/cli/remote/photo_files.h"

namespace siskin::v1 {
class Timing;
}

namespace siskin::cli {

struct PhotoFlags {
  std::vector<std::string> paths;
  std::string server = kDefaultServer;
  std::string model;    // empty: the server's only one for the task
  std::string version;  // empty: the highest
  double timeout = 10;  // seconds
  int concurrency = 4;
  bool json = false;
};
void AddPhotoFlags(PhotoFlags& photos, Flags& flags);

// UNAVAILABLE: no server answers.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const PhotoFlags& flags);

// One of several files: the cells of its row beside its name and the time.
struct Summary {
  std::string value;
  std::string note;
};

// What a server answered about a photo, in the three forms it is printed in.
class PhotoAnswer {
 public:
  virtual ~PhotoAnswer() = default;

  virtual void Print(std::ostream& out) const = 0;  // all of it, for people
  virtual Summary Summarise() const = 0;
  virtual nlohmann::ordered_json ToJson() const = 0;  // fields of an object
};

// What became of one file.
struct Outcome {
  std::string file;
  absl::Status status;  // the rest is unspecified unless OK
  std::shared_ptr<const PhotoAnswer> answer;
  std::string model;
  std::string version;
  std::string warning;   // set: the answer must not be trusted
  absl::Duration queue;  // at the server
  absl::Duration decode;
  absl::Duration compute;
  int batch_size = 0;
  absl::Duration total;  // seen from here, the network included
};

std::string Percent(double fraction);  // "12.34 %"

// "photo.jpg: mobilenet_v2 version 1, 9.1 ms (queue ...)", an empty line and the answer, or the
// error.
void PrintOutcome(const Outcome& outcome, std::ostream& out);

// A row a file, with the summary of its answer below `titles`, or the error.
void PrintOutcomes(const std::vector<Outcome>& outcomes, const Summary& titles, std::ostream& out);

// One JSON object on one line: "file" and either "error" {"code", "message"} or "model", "version",
// the fields of the answer, "timing_ms", "batch_size" and, if there is one, "warning".
void PrintOutcomeJson(const Outcome& outcome, std::ostream& out);

// The call for file number i. Used by several threads at a time.
using PhotoCall = std::function<Outcome(size_t i)>;

// Makes the calls for 0 <= i < `files`, up to flags.concurrency of them at a time, and prints the
// outcomes in that order: JSON as it comes, tables at the end, when the columns' widths are known.
// `titles` are those of the answers' summaries. Returns the exit code.
int RunPhotoCalls(size_t files, const PhotoFlags& flags, const PhotoCall& call,
                  const Summary& titles, const Console& console);

// Parts of CallWithPhoto.
absl::Status ToAbslStatus(const grpc::Status& status);
void SetTiming(const v1::Timing& timing, Outcome& outcome);

// Calls `method` of `stub`, one of siskin.v1, with the photo in `file` and with `request`, which
// says what is special to the method. Sets `response` if the outcome is OK; the outcome's answer is
// left to be made of it.
template <typename Stub, typename Request, typename Response>
Outcome CallWithPhoto(Stub& stub,
                      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                      Request request, const std::string& file, const PhotoFlags& flags,
                      Response& response) {
  Outcome outcome = {.file = file};
  absl::StatusOr<std::string> photo = ReadFile(file, kMaxPhotoBytes);
  outcome.status = photo.status();
  if (!photo.ok()) return outcome;
  request.set_model(flags.model);
  request.set_version(flags.version);
  request.set_image(*std::move(photo));
  const MonotonicTime start = Clock::Real().Now();
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(flags.timeout)));
  outcome.status = ToAbslStatus((stub.*method)(&context, request, &response));
  outcome.total = Clock::Real().Now() - start;
  if (!outcome.status.ok()) return outcome;
  outcome.model = response.model();
  outcome.version = response.version();
  outcome.warning = response.warning();
  SetTiming(response.timing(), outcome);
  return outcome;
}

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_REMOTE_PHOTO_COMMAND_H_
