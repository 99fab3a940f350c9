// siskin-load: closed-loop load on a Siskin server. See README.md.
#include <csignal>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/cpu_affinity.h"
#include "loadtest/connection.h"
#include "loadtest/cpu.h"
#include "loadtest/exit_codes.h"
#include "loadtest/options.h"
#include "loadtest/payload.h"
#include "loadtest/report.h"
#include "loadtest/runner.h"

namespace siskin::loadtest {
namespace {

volatile std::sig_atomic_t interrupted = 0;

int Fail(const absl::Status& status, int exit_code) {
  const std::string message(status.message());
  std::fprintf(stderr, "siskin-load: %s\n", message.c_str());
  return exit_code;
}

// A server that is not there is another problem than one that answers with an error.
int ExitCodeOf(const absl::Status& status) {
  return absl::IsUnavailable(status) ? kExitCannotConnect : kExitFailed;
}

bool ShowProgress(bool visible, absl::string_view what, const Stats& stats) {
  if (visible) std::fprintf(stderr, "\r\033[K%s", ProgressLine(what, stats).c_str());
  return interrupted == 0;
}

int RunAndReport(Options options) {
  if (!options.cpus.empty()) {
    const absl::Status pinned = PinThisThread(options.cpus);
    if (!pinned.ok()) return Fail(pinned, kExitUsage);
  }
  const auto channels = Connect(options);
  if (!channels.ok()) return Fail(channels.status(), kExitCannotConnect);
  if (options.payload != PayloadKind::kImage && options.shape.empty()) {
    auto shape = AskForShape(options, channels->front());
    if (!shape.ok()) return Fail(shape.status(), ExitCodeOf(shape.status()));
    options.shape = *std::move(shape);
  }
  const auto payloads = MakePayloads(options);
  if (!payloads.ok()) return Fail(payloads.status(), kExitUsage);

  const auto result =
      Run(options, *channels, *payloads, [&options](absl::string_view what, const Stats& stats) {
        return ShowProgress(options.progress, what, stats);
      });
  if (options.progress) std::fputs("\r\033[K", stderr);
  if (!result.ok()) return Fail(result.status(), ExitCodeOf(result.status()));
  std::fputs((options.json ? ReportJson : ReportText)(options, *result).c_str(), stdout);
  return Succeeded(result->stats) ? kExitOk : kExitFailed;
}

}  // namespace
}  // namespace siskin::loadtest

int main(int argc, char** argv) {
  const auto parsed = siskin::loadtest::ParseOptions(argc, argv);
  if (!parsed.options.has_value()) return parsed.exit_code;
  // The first interrupt ends the run with its report, the second ends the program.
  struct sigaction action = {};
  action.sa_handler = [](int) { siskin::loadtest::interrupted = 1; };
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  return siskin::loadtest::RunAndReport(*parsed.options);
}
