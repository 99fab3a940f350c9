#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/channel.h"
#include "server/cli/command_line.h"
#include "server/cli/commands.h"
#include "server/cli/remote/channel.h"

namespace siskin::cli {
namespace {

namespace health = grpc::health::v1;

// Probes tell "the server says no" from "nobody answers".
constexpr int kExitNobodyAnswers = 2;

constexpr CommandLine::Info kHealth = {
    .name = "health",
    .description = "Ask a server whether it is serving",
    .footer =
        R"(Services: "" is the whole server, 'liveness' the process, 'readiness' whether traffic should
come, and each model has its own name.
Exit codes: 0 SERVING, 1 NOT_SERVING or unknown service, 2 nobody answers.

Examples:
  siskin health
  siskin health --server 10.0.0.7:8001 --service mobilenet_v2 --timeout 0.5
  HEALTHCHECK CMD ["siskin", "health", "--service", "readiness"]      # in a Dockerfile
)",
};

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

void AddHealthCommand(CommandLine& siskin) {
  auto values = std::make_shared<HealthFlags>();
  Flags flags = siskin.AddCommand(
      kHealth, [values](const Console& console) { return Health(*values, console); });
  flags.Add("--server", values->server, "Address of the server").ValueName("ADDRESS").ShowDefault();
  flags.Add("--service", values->service, "What to ask about (default: the whole server)")
      .ValueName("NAME");
  flags.Add("--timeout", values->timeout, "Seconds to wait for the answer")
      .ValueName("SECONDS")
      .Seconds(0.001, 3600)
      .ShowDefault();
}

}  // namespace siskin::cli
