#include <memory>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/app/logging.h"
#include "server/app/server_app.h"
#include "server/batching/batch_policy.h"
#include "server/cli/commands.h"
#include "server/cli/shutdown_signals.h"
#include "server/cli/validators.h"

namespace siskin::cli {
namespace {

constexpr char kFooter[] =
    "Without --repository it serves the model that is built in, a clothing classifier.\n"
    "Prints one line on standard output when the models are loaded:\n"
    "  listening grpc=HOST:PORT admin=HOST:PORT\n"
    "The log goes to standard error. The admin server answers /metrics (Prometheus), /healthz and\n"
    "/readyz over HTTP, and shows a status page at /; gRPC health checks know the services \"\",\n"
    "liveness, readiness and each model.\n"
    "\n"
    "SIGTERM or SIGINT drains: not ready, --drain-delay, in-flight requests answered, exit 0. A "
    "second\n"
    "signal exits at once with code 1. Under Kubernetes set --drain-delay 5, so that endpoints "
    "are\n"
    "updated before the server stops accepting, and a terminationGracePeriodSeconds above\n"
    "--drain-delay plus --drain-timeout. docs/deployment.md says more.\n"
    "\n"
    "Examples:\n"
    "  siskin serve                                # the built-in model\n"
    "  siskin serve --repository ~/models\n"
    "  siskin serve --repository ~/models --lanes 4 --max-batch-size 16 --max-delay-us 2000\n"
    "  siskin serve --random-model mobilenet_v2 --grpc 127.0.0.1:0 --admin off   # to try it out\n";

struct ServeFlags {
  app::ServerOptions server;
  app::LoggingOptions logging;
  std::string status_page = "on";
  std::optional<int> max_batch_size;
  std::optional<int> max_delay_us;
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
  options.max_batch_size = flags.max_batch_size;
  if (flags.max_delay_us.has_value()) options.max_delay = absl::Microseconds(*flags.max_delay_us);
  if (flags.max_connection_age > 0) {
    options.max_connection_age = absl::Seconds(flags.max_connection_age);
  }
  options.drain_delay = absl::Seconds(flags.drain_delay);
  options.drain_timeout = absl::Seconds(flags.drain_timeout);
  return options;
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

void AddModelFlags(CLI::App& app, ServeFlags& flags) {
  app.add_option("--repository", flags.server.repository,
                 "Folder of models to serve (default: the built-in model)")
      ->type_name("DIR")
      ->envname("SISKIN_REPOSITORY");
  app.add_option("--random-model", flags.server.random_model,
                 "Instead of a repository: an architecture or variant with random weights ('siskin "
                 "inspect' lists "
                 "them)")
      ->type_name("NAME");
  app.add_option("--lanes", flags.server.lanes, "Threads that compute; 0: one for each usable core")
      ->type_name("N")
      ->check(LanesRange(/*least=*/0))
      ->capture_default_str();
  app.add_option("--max-batch-size", flags.max_batch_size,
                 "Most images computed together, 1 to 256 (default: each model's config, else 8)")
      ->type_name("N")
      ->check(CheckBatchSize);
  app.add_option("--max-delay-us", flags.max_delay_us,
                 "Longest a request waits for company, in microseconds (default: each model's "
                 "config, else 0)")
      ->type_name("MICROSECONDS")
      ->check(CLI::Range(0, 1'000'000));
}

void AddServerFlags(CLI::App& app, ServeFlags& flags) {
  app.add_option("--grpc", flags.server.grpc_address, "Address for gRPC; port 0 picks a free one")
      ->type_name("ADDRESS")
      ->capture_default_str();
  app.add_option("--admin", flags.server.admin_address, "Address for HTTP; 'off' for none")
      ->type_name("ADDRESS")
      ->capture_default_str();
  app.add_option("--status-page", flags.status_page,
                 "The page at / of the admin address: models, plots, a box to drop a photo in")
      ->type_name("on|off")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
  app.add_option("--status-token-file", flags.server.status_token_file,
                 "File with the token that the status page asks for (default: it asks for none)")
      ->type_name("FILE")
      ->envname("SISKIN_STATUS_TOKEN_FILE");
  app.add_option("--max-message-mib", flags.server.max_message_mib, "Largest request, in MiB")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--max-in-flight", flags.server.max_in_flight,
                 "Requests in flight; more are refused with RESOURCE_EXHAUSTED")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_flag("--triton-metrics", flags.server.triton_metrics,
               "Also export nv_inference_* metrics, for dashboards made for Triton");
  app.add_option("--max-connection-age", flags.max_connection_age,
                 "Seconds until a client is told to connect again, so that it finds new servers "
                 "(calls in flight end undisturbed); 0: never")
      ->type_name("SECONDS")
      ->check(SecondsRange(0, 86'400))
      ->capture_default_str();
  app.add_option("--drain-delay", flags.drain_delay,
                 "Seconds to go on serving after readiness is withdrawn")
      ->type_name("SECONDS")
      ->check(SecondsRange(0, 3600))
      ->capture_default_str();
  app.add_option("--drain-timeout", flags.drain_timeout,
                 "Seconds that requests in flight have to end")
      ->type_name("SECONDS")
      ->check(SecondsRange(0, 3600))
      ->capture_default_str();
  app.add_option("--log-level", flags.logging.level, "trace, debug, info, warning, error or off")
      ->type_name("LEVEL")
      ->capture_default_str();
  app.add_option("--log-format", flags.logging.format, "text or json (an object a line)")
      ->type_name("FORMAT")
      ->capture_default_str();
}

}  // namespace

Command AddServeCommand(CLI::App& parent) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App* app =
      parent.add_subcommand("serve", "Serve the models of a repository, or the built-in one");
  app->footer(kFooter);
  AddModelFlags(*app, *flags);
  AddServerFlags(*app, *flags);
  return {app, [flags](const Console& console) { return Serve(*flags, console); }};
}

}  // namespace siskin::cli
