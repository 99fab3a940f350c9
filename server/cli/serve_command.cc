#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "server/app/lane_pinning.h"
#include "server/app/logging.h"
#include "server/app/server_app.h"
#include "server/batching/batch_policy.h"
#include "server/cli/command_line.h"
#include "server/cli/commands.h"

namespace siskin::cli {
namespace {

constexpr CommandLine::Info kServe = {
    .name = "serve",
    .description = "Serve the models of a repository, or the built-in one",
    .footer = R"(Without --repository it serves the model that is built in, a clothing classifier.
Prints one line on standard output when the models are loaded:
  listening grpc=HOST:PORT admin=HOST:PORT
The log goes to standard error. The admin server answers /metrics (Prometheus), /healthz and
/readyz over HTTP, and shows a status page at /; gRPC health checks know the services "",
liveness, readiness and each model.

SIGTERM or SIGINT drains: not ready, --drain-delay, in-flight requests answered, exit 0. A second
signal exits at once with code 1. Under Kubernetes set --drain-delay 5, so that endpoints are
updated before the server stops accepting, and a terminationGracePeriodSeconds above
--drain-delay plus --drain-timeout. docs/deployment.md says more.

Examples:
  siskin serve                                # the built-in model
  siskin serve --repository ~/models
  siskin serve --repository ~/models --lanes 4 --max-batch-size 16 --max-delay-us 2000
  siskin serve --random-model mobilenet_v2 --grpc 127.0.0.1:0 --admin off   # to try it out
)",
};

struct ServeFlags {
  app::ServerOptions server;
  app::LoggingOptions logging;
  std::string status_page = "on";
  std::string pin = "auto";
  std::optional<int> max_delay_us;
  std::string batch_policy;
  double target_delay = 0;
  double max_connection_age = 0;
  double drain_delay = 0;
  double drain_timeout = 20;
};

// The rule and the sentence of a model's configuration.
std::string CheckBatchSize(const std::string& text) {
  int64_t size = 0;
  if (!absl::SimpleAtoi(text, &size)) return absl::StrCat("expected a number, got '", text, "'");
  return std::string(batching::CheckBatchSize(size).message());
}

app::ServerOptions ToOptions(const ServeFlags& flags) {
  app::ServerOptions options = flags.server;
  // The repository may come from the environment: the flag is the stronger wish.
  if (!options.random_model.empty()) options.repository.clear();
  options.status_page = flags.status_page == "on";
  if (flags.pin == "on") options.pinning = app::Pinning::kOn;
  if (flags.pin == "off") options.pinning = app::Pinning::kOff;
  batching::QueueDefaults& queues = options.queues;
  if (flags.max_delay_us.has_value()) queues.max_delay = absl::Microseconds(*flags.max_delay_us);
  if (flags.target_delay > 0) queues.target_delay = absl::Seconds(flags.target_delay);
  for (const auto policy : {batching::BatchPolicy::kAuto, batching::BatchPolicy::kFixed}) {
    if (flags.batch_policy == batching::ToString(policy)) queues.policy = policy;
  }
  if (flags.max_connection_age > 0) {
    options.max_connection_age = absl::Seconds(flags.max_connection_age);
  }
  options.drain_delay = absl::Seconds(flags.drain_delay);
  options.drain_timeout = absl::Seconds(flags.drain_timeout);
  return options;
}

// SIGTERM and SIGINT as ordinary events.
//
// The signals are blocked in the whole process and taken by a thread that waits for them, so no
// code runs in a signal handler, and it works the same as process 1 of a container, where the
// default action of SIGTERM does not apply. The first signal asks to stop; the second ends the
// process at once with exit code 1.
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

int Serve(const ServeFlags& flags, const Console& console) {
  ShutdownSignals signals;  // before anything that starts a thread
  if (const absl::Status status = app::SetUpLogging(flags.logging); !status.ok()) {
    return Fail(console, status, kExitUsage);
  }
  const auto server =
      app::ServerApp::Start(ToOptions(flags), [&signals] { return signals.requested(); });
  if (absl::IsCancelled(server.status())) return kExitOk;  // a stop before there was anything to do
  if (!server.ok()) return Fail(console, server.status());
  console.out << absl::StrCat("listening grpc=", (*server)->grpc_endpoint(),
                              " admin=", (*server)->admin_endpoint(), "\n")
              << std::flush;
  signals.Wait();
  (*server)->Drain();
  return kExitOk;
}

void AddModelFlags(ServeFlags& values, Flags& flags) {
  flags
      .Add("--repository", values.server.repository,
           "Folder of models to serve (default: the built-in model)")
      .ValueName("DIR")
      .Env("SISKIN_REPOSITORY");
  flags
      .Add("--random-model", values.server.random_model,
           "Instead of a repository: an architecture or variant with random weights ('siskin "
           "inspect' lists them)")
      .ValueName("NAME");
  flags.Add("--lanes", values.server.lanes, "Threads that compute; 0: one for each usable core")
      .ValueName("N")
      .Lanes(/*least=*/0)
      .ShowDefault();
  flags
      .Add(
          "--pin", values.pin,
          "Keep each lane on a cpu of its own; auto: where that is known to help, which is nowhere "
          "so far")
      .ValueName("auto|on|off")
      .OneOf({"auto", "on", "off"})
      .ShowDefault();
  flags
      .Add("--max-batch-size", values.server.queues.max_batch_size,
           "Most images computed together, 1 to 256 (default: each model's config, else 8)")
      .ValueName("N")
      .Check(CheckBatchSize);
  flags
      .Add("--max-delay-us", values.max_delay_us,
           "Longest a request waits for company, in microseconds (default: each model's config, "
           "else 0)")
      .ValueName("MICROSECONDS")
      .Range(0, 1'000'000);
  flags
      .Add("--batch-policy", values.batch_policy,
           "How models batch that do not say it themselves: auto (no lane waits, batches as large "
           "as pays) or fixed (what is there after --max-delay-us, at once if that is 0; the rule "
           "of Triton and TensorFlow Serving) (default: fixed with a delay, else auto)")
      .ValueName("POLICY")
      .OneOf({"auto", "fixed"});
  flags
      .Add("--target-delay", values.target_delay,
           "Seconds that requests without a deadline may wait while a model's queue never empties, "
           "where its config does not say; 0: four batches' time, and at least 0.1")
      .ValueName("SECONDS")
      .Seconds(0, 60)
      .ShowDefault();
}

void AddAddressFlags(ServeFlags& values, Flags& flags) {
  flags.Add("--grpc", values.server.grpc_address, "Address for gRPC; port 0 picks a free one")
      .ValueName("ADDRESS")
      .ShowDefault();
  flags.Add("--admin", values.server.admin_address, "Address for HTTP; 'off' for none")
      .ValueName("ADDRESS")
      .ShowDefault();
  flags
      .Add("--status-page", values.status_page,
           "The page at / of the admin address: models, plots, a box to drop a photo in")
      .ValueName("on|off")
      .OneOf({"on", "off"})
      .ShowDefault();
  flags
      .Add("--status-token-file", values.server.status_token_file,
           "File with the token that the status page asks for (default: it asks for none)")
      .ValueName("FILE")
      .Env("SISKIN_STATUS_TOKEN_FILE");
}

void AddTrafficFlags(ServeFlags& values, Flags& flags) {
  flags.Add("--max-message-mib", values.server.max_message_mib, "Largest request, in MiB")
      .ValueName("N")
      .Range(1, 256)
      .ShowDefault();
  flags
      .Add("--max-in-flight", values.server.max_in_flight,
           "Requests in flight; more are refused with RESOURCE_EXHAUSTED")
      .ValueName("N")
      .Range(1, 1'000'000)
      .ShowDefault();
  flags.Add("--triton-metrics", values.server.triton_metrics,
            "Also export nv_inference_* metrics, for dashboards made for Triton");
  flags
      .Add("--max-connection-age", values.max_connection_age,
           "Seconds until a client is told to connect again, so that it finds new servers (calls "
           "in flight end undisturbed); 0: never")
      .ValueName("SECONDS")
      .Seconds(0, 86'400)
      .ShowDefault();
}

void AddDrainFlags(ServeFlags& values, Flags& flags) {
  flags
      .Add("--drain-delay", values.drain_delay,
           "Seconds to go on serving after readiness is withdrawn")
      .ValueName("SECONDS")
      .Seconds(0, 3600)
      .ShowDefault();
  flags.Add("--drain-timeout", values.drain_timeout, "Seconds that requests in flight have to end")
      .ValueName("SECONDS")
      .Seconds(0, 3600)
      .ShowDefault();
}

void AddLogFlags(app::LoggingOptions& logging, Flags& flags) {
  flags.Add("--log-level", logging.level, "trace, debug, info, warning, error or off")
      .ValueName("LEVEL")
      .ShowDefault();
  flags.Add("--log-format", logging.format, "text or json (an object a line)")
      .ValueName("FORMAT")
      .ShowDefault();
}

}  // namespace

void AddServeCommand(CommandLine& siskin) {
  auto values = std::make_shared<ServeFlags>();
  Flags flags = siskin.AddCommand(
      kServe, [values](const Console& console) { return Serve(*values, console); });
  AddModelFlags(*values, flags);
  AddAddressFlags(*values, flags);
  AddTrafficFlags(*values, flags);
  AddDrainFlags(*values, flags);
  AddLogFlags(values->logging, flags);
}

}  // namespace siskin::cli
