// What siskin-load is told on its command line.
#ifndef SISKIN_LOADTEST_OPTIONS_H_
#define SISKIN_LOADTEST_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace siskin::loadtest {

// Pixels a side that a tensor may have.
inline constexpr int64_t kMaxSide = 4096;

enum class PayloadKind { kImage, kFp32, kUint8 };

struct Options {
  std::string server = "127.0.0.1:8001";
  std::string admin;    // HOST:PORT of the server's metrics; empty: the server's CPU is not read
  std::string model;    // empty: the server's only model
  std::string version;  // empty: the highest ready version

  int connections = 2;
  int concurrency = 16;  // requests in flight, over all connections; >= connections
  int threads = 1;       // that send and receive
  bool stream = false;   // ClassifyStream, one stream for each request in flight

  absl::Duration warmup = absl::Seconds(2);
  absl::Duration duration = absl::Seconds(10);
  int64_t requests = 0;  // stop after so many measured; 0: when the duration is over
  absl::Duration timeout = absl::Seconds(10);  // of one request, and of connecting

  PayloadKind payload = PayloadKind::kFp32;
  std::vector<std::string> images;  // files, for kImage
  std::vector<int64_t> shape;       // [3, H, W]; empty: that of the model's metadata

  std::vector<int> cpus;  // to run on; empty: any
  bool json = false;
  bool progress = false;
};

// The result of reading a command line: options, or the exit code to leave with at once because
// help or a usage error was printed.
struct ParsedOptions {
  std::optional<Options> options;
  int exit_code = 0;
};

ParsedOptions ParseOptions(int argc, const char* const* argv);

// "fp32", "uint8" or "image", as on the command line.
const char* Name(PayloadKind kind);

}  // namespace siskin::loadtest

#endif  // SISKIN_LOADTEST_OPTIONS_H_
