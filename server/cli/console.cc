#include "server/cli/console.h"

#include <string>

namespace siskin::cli {

int Fail(const Console& console, std::string_view message, ExitCode code) {
  console.err << "siskin: " << message << "\n";
  return code;
}

int Fail(const Console& console, const absl::Status& status, ExitCode code) {
  return Fail(console, std::string(status.message()), code);
}

}  // namespace siskin::cli
