// SIGTERM and SIGINT as ordinary events.
//
// The signals are blocked in the whole process and taken by a thread that waits for them, so no
// code runs in a signal handler, and it works the same as process 1 of a container, where the
// default action of SIGTERM does not apply. The first signal asks to stop; the second ends the
// process at once with exit code 1.
#ifndef SISKIN_SERVER_CLI_SHUTDOWN_SIGNALS_H_
#define SISKIN_SERVER_CLI_SHUTDOWN_SIGNALS_H_

#include <signal.h>

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"

namespace siskin::cli {

class ShutdownSignals {
 public:
  // REQUIRES: no other thread runs yet (it would take the signals), and there is one such object.
  ShutdownSignals();
  ~ShutdownSignals();  // unblocks the signals
  ShutdownSignals(const ShutdownSignals&) = delete;
  ShutdownSignals& operator=(const ShutdownSignals&) = delete;

  bool requested() const { return requested_.HasBeenNotified(); }
  void Wait() const { requested_.WaitForNotification(); }

 private:
  void TakeSignals();

  sigset_t signals_;
  absl::Notification requested_;
  std::atomic<bool> closing_{false};
  std::thread thread_;
};

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_SHUTDOWN_SIGNALS_H_
