#include "loadtest/options.h"

#include <sched.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "loadtest/exit_codes.h"

namespace siskin::loadtest {
namespace {

constexpr double kMaxSeconds = 7 * 24 * 3600.0;

constexpr char kDescription[] =
    "Closed-loop load on a Siskin server: a fixed number of requests is always in flight, and "
    "each\n"
    "answer lets the next one go. Prints throughput, latency, errors and where the time went.";

constexpr char kFooter[] =
    "Examples:\n"
    "  siskin-load --server 127.0.0.1:8001 --model mobilenet_v2\n"
    "  siskin-load --payload image --image cat.jpg --image dog.jpg --concurrency 8 --json\n"
    "\n"
    "Exit codes: 0 all answers right, 1 errors or changed answers, 2 usage, 4 cannot connect.";

// "3,224,224": three planes, two sides.
bool ParseShape(const std::string& text, std::vector<int64_t>& shape) {
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    int64_t side = 0;
    if (!absl::SimpleAtoi(part, &side) || side < 1 || side > kMaxSide) return false;
    shape.push_back(side);
  }
  return shape.size() == 3 && shape[0] == 3;
}

// "0,2-3": numbers and ranges of them.
bool ParseCpus(const std::string& text, std::vector<int>& cpus) {
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> range = absl::StrSplit(part, '-');
    int first = 0;
    if (!absl::SimpleAtoi(range.first, &first) || first < 0) return false;
    int last = first;
    if (part.find('-') != part.npos && !absl::SimpleAtoi(range.second, &last)) return false;
    if (last < first || last >= CPU_SETSIZE) return false;
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
  }
  return true;
}

// CLI::Range lets NaN through.
CLI::Validator Seconds(double least, double most) {
  const auto check = [least, most](const std::string& text) -> std::string {
    double value = 0.0;
    if (absl::SimpleAtod(text, &value) && value >= least && value <= most) return "";
    return absl::StrCat("\"", text, "\": expected seconds from ", least, " to ", most);
  };
  return CLI::Validator(check, "");
}

PayloadKind ParseKind(const std::string& name) {
  if (name == Name(PayloadKind::kImage)) return PayloadKind::kImage;
  if (name == Name(PayloadKind::kUint8)) return PayloadKind::kUint8;
  return PayloadKind::kFp32;
}

// Values that need a look at more than themselves, as the command line gives them.
struct RawOptions {
  double warmup = 2.0;
  double duration = 10.0;
  double timeout = 10.0;
  std::string payload = "fp32";
  std::string shape;
  std::string cpus;
};

void AddTargetOptions(CLI::App& app, Options& options) {
  app.add_option("--server", options.server, "gRPC address, HOST:PORT")->capture_default_str();
  app.add_option("--admin", options.admin,
                 "Admin address, HOST:PORT: report the server's CPU time from its /metrics");
  app.add_option("--model", options.model, "Model (default: the server's only one)");
  app.add_option("--version", options.version, "Version (default: the highest ready)");
}

void AddLoadOptions(CLI::App& app, Options& options, RawOptions& raw) {
  app.add_option("--connections", options.connections, "Connections to the server")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--concurrency", options.concurrency, "Requests in flight, in total")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads that send and receive")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_flag("--stream", options.stream, "Use ClassifyStream, a stream per request in flight");
  app.add_option("--duration", raw.duration, "Seconds to measure")
      ->check(Seconds(0.1, kMaxSeconds))
      ->capture_default_str();
  app.add_option("--requests", options.requests,
                 "Measure this many requests instead; an explicit --duration still ends the run")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 50));
  app.add_option("--warmup", raw.warmup, "Seconds of load before measuring")
      ->check(Seconds(0.0, kMaxSeconds))
      ->capture_default_str();
  app.add_option("--timeout", raw.timeout,
                 "Seconds for one request and for connecting; a failed request counts with this "
                 "latency")
      ->check(Seconds(0.01, 3600.0))
      ->capture_default_str();
}

void AddPayloadOptions(CLI::App& app, Options& options, RawOptions& raw) {
  app.add_option("--payload", raw.payload, "What to send: image, fp32 or uint8")
      ->check(CLI::IsMember({"image", "fp32", "uint8"}).description(""))
      ->capture_default_str();
  app.add_option("--image", options.images, "JPEG, PNG or WebP file, for --payload image")
      ->check(CLI::ExistingFile);
  app.add_option("--shape", raw.shape, "Tensor as 3,HEIGHT,WIDTH (default: the server is asked)");
}

void AddClientOptions(CLI::App& app, Options& options, RawOptions& raw) {
  app.add_option("--cpus", raw.cpus, "CPUs for this client, such as 0,2-3");
  app.add_flag("--json", options.json, "Print the report as JSON");
  app.add_flag("--progress,!--no-progress", options.progress,
               "Live line on stderr (default: if it is a terminal)");
}

// The rules that span options. Returns a sentence for the user, empty if all is well.
std::string Finish(const CLI::App& app, const RawOptions& raw, Options& options) {
  options.payload = ParseKind(raw.payload);
  options.warmup = absl::Seconds(raw.warmup);
  options.duration = absl::Seconds(raw.duration);
  options.timeout = absl::Seconds(raw.timeout);
  if (options.requests > 0 && app.count("--duration") == 0) {
    options.duration = absl::InfiniteDuration();
  }
  if (options.connections > options.concurrency) {
    return absl::StrCat("--connections ", options.connections, " is more than --concurrency ",
                        options.concurrency, ": some connections would never carry a request");
  }
  if (options.payload == PayloadKind::kImage && options.images.empty()) {
    return "--payload image needs at least one --image FILE";
  }
  if (options.payload != PayloadKind::kImage && !options.images.empty()) {
    return "--image needs --payload image";
  }
  if (!raw.shape.empty() && !ParseShape(raw.shape, options.shape)) {
    return absl::StrCat("--shape \"", raw.shape, "\": expected 3,HEIGHT,WIDTH");
  }
  if (!raw.cpus.empty() && !ParseCpus(raw.cpus, options.cpus)) {
    return absl::StrCat("--cpus \"", raw.cpus, "\": expected numbers and ranges such as 0,2-3");
  }
  return "";
}

}  // namespace

ParsedOptions ParseOptions(int argc, const char* const* argv) {
  Options options;
  RawOptions raw;
  options.progress = isatty(STDERR_FILENO) != 0;
  CLI::App app(kDescription, "siskin-load");
  app.footer(kFooter);
  AddTargetOptions(app, options);
  AddLoadOptions(app, options, raw);
  AddPayloadOptions(app, options, raw);
  AddClientOptions(app, options, raw);
  try {
    app.parse(argc, argv);
    const std::string problem = Finish(app, raw, options);
    if (!problem.empty()) throw CLI::ValidationError(problem);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error) == 0 ? kExitOk : kExitUsage};
  }
  return {options, kExitOk};
}

const char* Name(PayloadKind kind) {
  switch (kind) {
    case PayloadKind::kImage:
      return "image";
    case PayloadKind::kUint8:
      return "uint8";
    case PayloadKind::kFp32:
      break;
  }
  return "fp32";
}

}  // namespace siskin::loadtest
