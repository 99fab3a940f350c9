#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/channel.h"
#include "server/cli/channel.h"
#include "server/cli/commands.h"
#include "server/cli/validators.h"

namespace siskin::cli {
namespace {

namespace health = grpc::health::v1;

// Probes tell "the server says no" from "nobody answers".
constexpr int kExitNobodyAnswers = 2;

constexpr char kFooter[] =
    "Services: \"\" is the whole server, 'liveness' the process, 'readiness' whether traffic "
    "should\n"
    "come, and each model has its own name.\n"
    "Exit codes: 0 SERVING, 1 NOT_SERVING or unknown service, 2 nobody answers.\n"
    "\n"
    "Examples:\n"
    "  siskin health\n"
    "  siskin health --server 10.0.0.7:8001 --service mobilenet_v2 --timeout 0.5\n"
    "  HEALTHCHECK CMD [\"siskin\", \"health\", \"--service\", \"readiness\"]      # in a "
    "Dockerfile\n";

struct HealthFlags {
  std::string server = kDefaultServer;
  std::string service;
  double timeout = 1;
};

int Health(const HealthFlags& flags, const Console& console) {
  const absl::Time deadline = absl::Now() + absl::Seconds(flags.timeout);
  const auto channel = Connect(flags.server, deadline);
  if (!channel.ok()) {
    Fail(console, channel.status());
    return kExitNobodyAnswers;
  }
  const auto stub = health::Health::NewStub(*channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(deadline));
  health::HealthCheckRequest request;
  request.set_service(flags.service);
  health::HealthCheckResponse response;
  const grpc::Status status = stub->Check(&context, request, &response);
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
    return Fail(console, absl::StrCat("the server knows no service '", flags.service, "'"));
  }
  if (!status.ok()) {
    Fail(console, absl::StrCat(flags.server, ": ", status.error_message()));
    return kExitNobodyAnswers;
  }
  console.out << health::HealthCheckResponse::ServingStatus_Name(response.status()) << "\n";
  return response.status() == health::HealthCheckResponse::SERVING ? kExitOk : kExitFailed;
}

}  // namespace

Command AddHealthCommand(CLI::App& parent) {
  auto flags = std::make_shared<HealthFlags>();
  CLI::App* app = parent.add_subcommand("health", "Ask a server whether it is serving");
  app->footer(kFooter);
  app->add_option("--server", flags->server, "Address of the server")
      ->type_name("ADDRESS")
      ->capture_default_str();
  app->add_option("--service", flags->service, "What to ask about (default: the whole server)")
      ->type_name("NAME");
  app->add_option("--timeout", flags->timeout, "Seconds to wait for the answer")
      ->type_name("SECONDS")
      ->check(SecondsRange(0.001, 3600))
      ->capture_default_str();
  return {app, [flags](const Console& console) { return Health(*flags, console); }};
}

}  // namespace siskin::cli
