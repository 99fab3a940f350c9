#include "loadtest/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/json.h"

namespace siskin::loadtest {
namespace {

using Json = nlohmann::ordered_json;

// Of the JSON: raised when a field changes its meaning or goes away.
constexpr int kSchema = 1;

double Ms(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

double PerSecond(double amount, absl::Duration elapsed) {
  return elapsed > absl::ZeroDuration() ? amount / absl::ToDoubleSeconds(elapsed) : 0.0;
}

double Throughput(const Stats& stats) {
  return PerSecond(static_cast<double>(stats.succeeded), stats.elapsed);
}

std::string CodeName(grpc::StatusCode code) {
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
}

Json ConfigJson(const Options& options) {
  Json config = {{"server", options.server},
                 {"model", options.model},
                 {"version", options.version},
                 {"payload", Name(options.payload)},
                 {"connections", options.connections},
                 {"concurrency", options.concurrency},
                 {"threads", options.threads},
                 {"stream", options.stream},
                 {"warmup_seconds", absl::ToDoubleSeconds(options.warmup)},
                 {"timeout_seconds", absl::ToDoubleSeconds(options.timeout)}};
  // Infinity is no JSON number: a run that ends by its number of requests has no duration.
  config["duration_seconds"] = options.duration == absl::InfiniteDuration()
                                   ? Json(nullptr)
                                   : Json(absl::ToDoubleSeconds(options.duration));
  config["requests"] = options.requests;
  config["images"] = options.images;
  config["shape"] = options.shape;
  config["cpus"] = options.cpus;
  return config;
}

// Means over the answers that carry timing; null without any.
Json ServerJson(const RunResult& result) {
  const ServerTiming& sums = result.stats.server;
  const auto mean = [&sums](double sum) {
    return sums.answers > 0 ? Json(sum / static_cast<double>(sums.answers)) : Json(nullptr);
  };
  Json server = {{"queue_ms_mean", mean(Ms(sums.queue))},
                 {"decode_ms_mean", mean(Ms(sums.decode))},
                 {"compute_ms_mean", mean(Ms(sums.compute))},
                 {"batch_size_mean", mean(static_cast<double>(sums.batch_size))}};
  if (result.server_cpu_seconds.has_value()) {
    server["cpu_seconds"] = *result.server_cpu_seconds;
    server["cpu_cores"] = PerSecond(*result.server_cpu_seconds, result.stats.elapsed);
  }
  return server;
}

}  // namespace

std::string ReportJson(const Options& options, const RunResult& result) {
  const Stats& stats = result.stats;
  Json errors = Json::object();
  for (const auto& [code, count] : stats.errors) errors[CodeName(code)] = count;
  const LatencyHistogram& latency = stats.latency;
  const Json report = {
      {"schema", kSchema},
      {"config", ConfigJson(options)},
      {"requests", stats.requests},
      {"errors", errors},
      {"first_error", stats.first_error},
      {"mismatches", stats.mismatches},
      {"seconds", absl::ToDoubleSeconds(stats.elapsed)},
      {"throughput", Throughput(stats)},
      {"latency_ms",
       {{"mean", Ms(latency.Mean())},
        {"p50", Ms(latency.Percentile(50))},
        {"p90", Ms(latency.Percentile(90))},
        {"p99", Ms(latency.Percentile(99))},
        {"max", Ms(latency.Max())}}},
      {"client_cpu_seconds", result.client_cpu_seconds},
      {"client_cpu_cores", PerSecond(result.client_cpu_seconds, stats.elapsed)},
      {"server", ServerJson(result)},
  };
  return JsonText(report, {.indent = 2}) + "\n";
}

std::string ReportText(const Options& options, const RunResult& result) {
  const Stats& stats = result.stats;
  const LatencyHistogram& latency = stats.latency;
  std::string text = absl::StrFormat(
      "%s, %s, %d in flight over %d connections\n"
      "requests    %d in %.2f s: %.1f per second\n"
      "latency ms  mean %.2f  p50 %.2f  p90 %.2f  p99 %.2f  max %.2f\n",
      options.server, Name(options.payload), options.concurrency, options.connections,
      stats.requests, absl::ToDoubleSeconds(stats.elapsed), Throughput(stats), Ms(latency.Mean()),
      Ms(latency.Percentile(50)), Ms(latency.Percentile(90)), Ms(latency.Percentile(99)),
      Ms(latency.Max()));
  if (const ServerTiming& sums = stats.server; sums.answers > 0) {
    const auto answers = static_cast<double>(sums.answers);
    absl::StrAppendFormat(
        &text, "server ms   queue %.2f  decode %.2f  compute %.2f  (mean)  batch size %.2f\n",
        Ms(sums.queue) / answers, Ms(sums.decode) / answers, Ms(sums.compute) / answers,
        static_cast<double>(sums.batch_size) / answers);
  }
  absl::StrAppendFormat(&text, "cpu cores   client %.2f",
                        PerSecond(result.client_cpu_seconds, stats.elapsed));
  if (result.server_cpu_seconds.has_value()) {
    absl::StrAppendFormat(&text, "  server %.2f",
                          PerSecond(*result.server_cpu_seconds, stats.elapsed));
  }
  absl::StrAppendFormat(&text, "\nmismatches  %d\nerrors     %s\n", stats.mismatches,
                        stats.errors.empty() ? " none" : "");
  for (const auto& [code, count] : stats.errors) {
    absl::StrAppendFormat(&text, "  %-20s %d\n", CodeName(code), count);
  }
  if (!stats.first_error.empty()) {
    absl::StrAppendFormat(&text, "  the first: %s\n", stats.first_error);
  }
  return text;
}

std::string ProgressLine(absl::string_view what, const Stats& stats) {
  return absl::StrFormat("%s %.1f s  %.0f req/s  p50 %.2f ms  p99 %.2f ms", what,
                         absl::ToDoubleSeconds(stats.elapsed), Throughput(stats),
                         Ms(stats.latency.Percentile(50)), Ms(stats.latency.Percentile(99)));
}

bool Succeeded(const Stats& stats) {
  return stats.requests > 0 && stats.errors.empty() && stats.mismatches == 0;
}

}  // namespace siskin::loadtest
