#include "server/cli/shutdown_signals.h"

#include <pthread.h>
#include <unistd.h>

#include "server/cli/console.h"

namespace siskin::cli {

ShutdownSignals::ShutdownSignals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  thread_ = std::thread([this] { TakeSignals(); });
}

ShutdownSignals::~ShutdownSignals() {
  closing_.store(true);
  pthread_kill(thread_.native_handle(), SIGTERM);  // wakes it
  thread_.join();
  pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
}

void ShutdownSignals::TakeSignals() {
  int signal = 0;
  while (sigwait(&signals_, &signal) == 0 && !closing_.load()) {
    // _exit: destructors would wait for the very threads that hang.
    if (requested_.HasBeenNotified()) _exit(kExitFailed);
    requested_.Notify();
  }
}

}  // namespace siskin::cli
