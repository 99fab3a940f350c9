// Where a command writes, and how it ends.
#ifndef SISKIN_SERVER_CLI_CONSOLE_H_
#define SISKIN_SERVER_CLI_CONSOLE_H_

#include <ostream>
#include <string_view>

#include "absl/status/status.h"

namespace siskin::cli {

// Results go to `out`, everything about the run (errors, warnings, progress) to `err`.
struct Console {
  std::ostream& out;
  std::ostream& err;
  bool interactive = false;  // `err` is a terminal: progress is worth drawing
};

enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,       // the command ran, and the answer is no
  kExitUsage = 2,        // flags or arguments are wrong
  kExitUnreachable = 4,  // no server answers
};

// Writes "siskin: <message>" to console.err and returns `code`.
int Fail(const Console& console, std::string_view message, ExitCode code = kExitFailed);
int Fail(const Console& console, const absl::Status& status, ExitCode code = kExitFailed);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_CONSOLE_H_
