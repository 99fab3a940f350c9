// The requests that come to a fleet: drawn, or read from a trace.
#ifndef SISKIN_SERVER_SIMULATION_REQUESTS_H_
#define SISKIN_SERVER_SIMULATION_REQUESTS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/simulation/virtual_time.h"

namespace siskin::simulation {

inline constexpr int kMostImages = 256;  // of a request

struct Request {
  Nanoseconds time = 0;  // when its client sends it
  int model = 0;
  int images = 1;
};

struct LoadOptions {
  double rate = 0;   // requests a second on average, > 0
  double burst = 1;  // they come in groups of this many on average, >= 1; see DrawRequests
  int images = 1;    // of each
  int model = 0;
  // It ends with whichever comes first.
  int64_t requests = 100'000;
  Nanoseconds until = kNever;
  uint64_t seed = 1;
};

// Groups come at random times that do not wait for answers (Poisson), all of a group at once; how
// many are in one is random, too (geometric). The same seed at another rate is the same load,
// stretched: rates are compared by nothing but themselves.
std::vector<Request> DrawRequests(const LoadOptions& options);

// CSV, a line for each request: seconds since any start, which never fall; the model, one of
// `models`; the number of images. The model may be left out, or be empty, if there is only one, and
// the number (1). A first line that begins with "seconds" names the columns, in any order. Empty
// lines and those that begin with # are passed over. The first request is moved to the start.
// INVALID_ARGUMENT, with the line as "file:17".
absl::StatusOr<std::vector<Request>> ParseTrace(std::string_view text, const std::string& file,
                                                absl::Span<const std::string> models);

}  // namespace siskin::simulation

#endif  // SISKIN_SERVER_SIMULATION_REQUESTS_H_
