// The process's log: spdlog's default logger, on standard error. gRPC logs there too, at debug
// level.
#ifndef SISKIN_SERVER_APP_LOGGING_H_
#define SISKIN_SERVER_APP_LOGGING_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "spdlog/formatter.h"

namespace siskin::app {

struct LoggingOptions {
  std::string level = "info";   // trace, debug, info, warning, error, off
  std::string format = "text";  // text, json: an object a line
};

// Replaces spdlog's default logger. INVALID_ARGUMENT names the values that exist.
// Call it before the first thread starts.
absl::Status SetUpLogging(const LoggingOptions& options);

// {"time":"2024-05-01T10:00:00.123456Z","level":"info","message":"..."}
std::unique_ptr<spdlog::formatter> MakeJsonFormatter();

}  // namespace siskin::app

#endif  // SISKIN_SERVER_APP_LOGGING_H_
