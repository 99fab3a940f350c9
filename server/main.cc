#include <unistd.h>

#include <iostream>

#include "absl/synchronization/mutex.h"
#include "server/cli/commands.h"

int main(int argc, char** argv) {
#ifdef NDEBUG
  // Debian's Abseil is built without NDEBUG: it would look for cycles at every lock, gRPC's too.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
  return siskin::cli::RunSiskin(
      argc, argv, {.out = std::cout, .err = std::cerr, .interactive = isatty(STDERR_FILENO) == 1});
}
