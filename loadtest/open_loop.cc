// siskin-open-loop: requests at random times that do not wait for answers (Poisson, one by one or
// in bursts), each with a deadline, to the given models in turn. What overload is measured with: a
// closed loop slows down with the server that it measures. Latency counts from the time at which a
// request was due. See README.md.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <sys/resource.h>

#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "loadtest/connection.h"
#include "loadtest/cpu.h"
#include "loadtest/exit_codes.h"
#include "loadtest/histogram.h"
#include "loadtest/payload.h"
#include "nlohmann/json.hpp"

namespace siskin::loadtest {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kMethod[] = "/siskin.v1.Classifier/Classify";

struct Plan {
  double rate = 10;  // requests a second
  double seconds = 10;
  double deadline = 0.2;  // seconds; 0: none
  int burst = 1;          // requests that come together
  uint64_t seed = 1;
  std::vector<std::string> models = {""};  // empty: the only one
};

struct Call {
  MonotonicTime due;
  grpc::ClientContext context;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  grpc::ByteBuffer answer;
  grpc::Status status;
};

struct Results {
  std::map<std::string, int64_t> codes;
  LatencyHistogram in_time;      // OK answers
  LatencyHistogram refusals;     // RESOURCE_EXHAUSTED
  LatencyHistogram retry_after;  // as refusals tell it
  int64_t refusals_without_retry = 0;
  LatencyHistogram send_lag;
};

void NoteRetry(const std::string& serialized, Results& results) {
  google::rpc::Status details;
  google::rpc::RetryInfo retry;
  if (details.ParseFromString(serialized)) {
    for (const auto& detail : details.details()) {
      if (!detail.UnpackTo(&retry)) continue;
      results.retry_after.Record(absl::Seconds(retry.retry_delay().seconds()) +
                                 absl::Nanoseconds(retry.retry_delay().nanos()));
      return;
    }
  }
  ++results.refusals_without_retry;
}

void Note(const Call& call, Results& results) {
  const absl::Duration latency = Clock::Real().Now() - call.due;
  const auto code = static_cast<absl::StatusCode>(call.status.error_code());
  ++results.codes[absl::StatusCodeToString(code)];
  if (call.status.ok()) results.in_time.Record(latency);
  if (code == absl::StatusCode::kResourceExhausted) {
    results.refusals.Record(latency);
    NoteRetry(call.status.error_details(), results);
  }
}

void Receive(grpc::CompletionQueue& queue, Results& results) {
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
    const std::unique_ptr<Call> call(static_cast<Call*>(tag));
    Note(*call, results);
  }
}

// Sends until the time is over; then the queue ends with the last answer.
void Send(const Plan& plan, std::vector<grpc::GenericStub>& stubs,
          const std::vector<Payload>& payloads, grpc::CompletionQueue& queue,
          LatencyHistogram& send_lag) {
  std::mt19937_64 random(plan.seed);
  std::exponential_distribution<double> gap(plan.rate / plan.burst);
  const MonotonicTime start = Clock::Real().Now();
  MonotonicTime due = start + absl::Seconds(gap(random));
  int left = plan.burst;
  for (size_t i = 0; due < start + absl::Seconds(plan.seconds); ++i) {
    absl::SleepFor(due - Clock::Real().Now());
    auto* call = new Call;
    call->due = due;
    if (plan.deadline > 0) {
      call->context.set_deadline(
          absl::ToChronoTime(ToWallTime(due + absl::Seconds(plan.deadline))));
    }
    call->reader = stubs[i % stubs.size()].PrepareUnaryCall(
        &call->context, kMethod, payloads[i % payloads.size()].request, &queue);
    call->reader->StartCall();
    call->reader->Finish(&call->answer, &call->status, call);
    send_lag.Record(Clock::Real().Now() - due);
    if (--left == 0) {
      left = plan.burst;
      due += absl::Seconds(gap(random));
    }
  }
  queue.Shutdown();
}

Json Latencies(const LatencyHistogram& latencies) {
  const auto ms = [&](double percent) {
    return absl::ToDoubleMilliseconds(latencies.Percentile(percent));
  };
  return {{"count", latencies.count()},
          {"p50", ms(50)},
          {"p90", ms(90)},
          {"p99", ms(99)},
          {"max", absl::ToDoubleMilliseconds(latencies.Max())}};
}

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "siskin-open-loop: %s\n", std::string(status.message()).c_str());
  return code;
}

// For all models, in turn.
absl::StatusOr<std::vector<Payload>> MakeAllPayloads(
    Options options, const std::vector<std::string>& models,
    const std::shared_ptr<grpc::Channel>& channel) {
  const bool ask = options.payload != PayloadKind::kImage && options.shape.empty();
  std::vector<std::vector<Payload>> by_model;
  for (const std::string& model : models) {
    options.model = model;
    if (ask) {
      SISKIN_ASSIGN_OR_RETURN(options.shape, AskForShape(options, channel));
    }
    SISKIN_ASSIGN_OR_RETURN(by_model.emplace_back(), MakePayloads(options));
  }
  std::vector<Payload> payloads;
  for (size_t i = 0; i < by_model.front().size(); ++i) {
    for (std::vector<Payload>& of_model : by_model) payloads.push_back(std::move(of_model[i]));
  }
  return payloads;
}

int Run(const Options& options, const Plan& plan) {
  const auto channels = Connect(options);
  if (!channels.ok()) return Fail(channels.status(), kExitCannotConnect);
  const auto payloads = MakeAllPayloads(options, plan.models, channels->front());
  if (!payloads.ok()) return Fail(payloads.status(), kExitFailed);

  std::vector<grpc::GenericStub> stubs;
  for (const auto& channel : *channels) stubs.emplace_back(channel);
  Results results;
  grpc::CompletionQueue queue;
  const double cpu_before = ClientCpuSeconds();
  std::thread receiver([&] { Receive(queue, results); });
  Send(plan, stubs, *payloads, queue, results.send_lag);
  receiver.join();

  const Json report = {{"offered_per_second", plan.rate},
                       {"seconds", plan.seconds},
                       {"deadline_ms", plan.deadline * 1000},
                       {"codes", results.codes},
                       {"in_time_per_second", results.in_time.count() / plan.seconds},
                       {"in_time_ms", Latencies(results.in_time)},
                       {"refusal_ms", Latencies(results.refusals)},
                       {"retry_after_ms", Latencies(results.retry_after)},
                       {"refusals_without_retry", results.refusals_without_retry},
                       {"send_lag_ms", Latencies(results.send_lag)},
                       {"client_cpu_seconds", ClientCpuSeconds() - cpu_before}};
  std::printf("%s\n", JsonText(report, {.indent = 2}).c_str());
  return kExitOk;
}

int Main(int argc, char** argv) {
  Options options;
  Plan plan;
  CLI::App app("Open-loop load with deadlines on a Siskin server; prints one JSON document.",
               "siskin-open-loop");
  app.add_option("--server", options.server, "HOST:PORT")->capture_default_str();
  app.add_option("--model", plan.models, "Models to ask in turn (default: the only one)");
  app.add_option("--rate", plan.rate, "Requests a second")->check(CLI::PositiveNumber);
  app.add_option("--burst", plan.burst, "Requests that come together")->check(CLI::Range(1, 1000));
  app.add_option("--seconds", plan.seconds, "Duration")->check(CLI::PositiveNumber);
  app.add_option("--deadline", plan.deadline, "Seconds for each request; 0: none")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--connections", options.connections, "TCP connections")
      ->check(CLI::Range(1, 1000));
  app.add_option("--payload", options.payload, "Tensors of fp32 or uint8")
      ->transform(CLI::CheckedTransformer(std::map<std::string, PayloadKind>{
          {"fp32", PayloadKind::kFp32}, {"uint8", PayloadKind::kUint8}}));
  app.add_option("--image", options.images, "Photos to send instead of tensors")
      ->check(CLI::ExistingFile);
  app.add_option("--shape", options.shape, "3 HEIGHT WIDTH of tensors (default: asked for)")
      ->expected(3)
      ->check(CLI::Range(int64_t{1}, kMaxSide));
  app.add_option("--seed", plan.seed, "Of the arrival times");
  CLI11_PARSE(app, argc, argv);
  if (!options.images.empty()) options.payload = PayloadKind::kImage;
  return Run(options, plan);
}

}  // namespace
}  // namespace siskin::loadtest

int main(int argc, char** argv) { return siskin::loadtest::Main(argc, argv); }
