#include "loadtest/runner.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "base/clock.h"
#include "loadtest/cpu.h"
#include "loadtest/worker.h"

namespace siskin::loadtest {
namespace {

constexpr absl::Duration kProgressInterval = absl::Milliseconds(200);
// After the timeout of a request, before a silent call is given up.
constexpr absl::Duration kGrace = absl::Seconds(1);

// One thread, one completion queue, and the workers on it.
class Lane {
 public:
  explicit Lane(absl::Duration patience) : patience_(patience) {}

  grpc::CompletionQueue* queue() { return &queue_; }
  void Add(std::unique_ptr<Worker> worker) { workers_.push_back(std::move(worker)); }

  void Start() {
    thread_ = std::thread([this] { Serve(); });
  }
  // REQUIRES: the recorder has stopped.
  void Join() {
    if (thread_.joinable()) thread_.join();
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

 private:
  void Serve() {
    for (auto& worker : workers_) worker->Start();
    for (size_t active = workers_.size(); active > 0;) {
      void* tag = nullptr;
      bool ok = false;
      const auto deadline = absl::ToChronoTime(absl::Now() + patience_);
      if (queue_.AsyncNext(&tag, &ok, deadline) == grpc::CompletionQueue::GOT_EVENT) {
        if (!static_cast<Worker*>(tag)->Proceed(ok)) --active;
      } else {
        for (auto& worker : workers_) worker->Cancel();
      }
    }
  }

  const absl::Duration patience_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::thread thread_;
};

std::vector<std::string> IdsOf(const std::vector<Payload>& payloads) {
  std::vector<std::string> ids;
  ids.reserve(payloads.size());
  for (const Payload& payload : payloads) ids.push_back(payload.id);
  return ids;
}

using Lanes = std::vector<std::unique_ptr<Lane>>;

// Workers are dealt to connections and to lanes in turn.
Lanes MakeLanes(const Options& options, const std::vector<std::shared_ptr<grpc::Channel>>& channels,
                const std::vector<Payload>& payloads, Recorder& recorder) {
  const int count = std::min(options.threads, options.concurrency);
  Lanes lanes;
  for (int i = 0; i < count; ++i) lanes.push_back(std::make_unique<Lane>(options.timeout + kGrace));
  for (size_t i = 0; i < static_cast<size_t>(options.concurrency); ++i) {
    Lane& lane = *lanes[i % lanes.size()];
    WorkerEnvironment environment = {.queue = lane.queue(),
                                     .channel = channels[i % channels.size()],
                                     .payloads = &payloads,
                                     .recorder = &recorder,
                                     .timeout = options.timeout};
    lane.Add(options.stream ? MakeStreamWorker(std::move(environment), i)
                            : MakeUnaryWorker(std::move(environment), i));
  }
  return lanes;
}

// Shows progress for `duration`, or until the recorder has stopped or `progress` returns false.
// False in the last case.
bool Watch(const Recorder& recorder, absl::string_view what, absl::Duration duration,
           const ProgressFn& progress) {
  const MonotonicTime end = Clock::Real().Now() + duration;
  for (;;) {
    const absl::Duration left = end - Clock::Real().Now();
    if (left <= absl::ZeroDuration()) return true;
    if (recorder.WaitUntilStopped(std::min(left, kProgressInterval))) return true;
    if (progress && !progress(what, recorder.Snapshot())) return false;
  }
}

// What both sides have used until now.
absl::StatusOr<RunResult> ReadCpu(const Options& options) {
  RunResult result;
  result.client_cpu_seconds = ClientCpuSeconds();
  if (!options.admin.empty()) {
    const absl::StatusOr<double> server = ServerCpuSeconds(options.admin);
    if (!server.ok()) return server.status();
    result.server_cpu_seconds = *server;
  }
  return result;
}

absl::StatusOr<RunResult> Measure(const Options& options, Recorder& recorder, const Lanes& lanes,
                                  const ProgressFn& progress) {
  const auto start_lanes = [&lanes] {
    for (const auto& lane : lanes) lane->Start();
  };
  const bool warm_up = options.warmup > absl::ZeroDuration();
  if (warm_up) start_lanes();
  // Interrupted in the warm-up: what has come until now is the report.
  const bool go_on = !warm_up || Watch(recorder, "warm-up", options.warmup, progress);
  const absl::StatusOr<RunResult> before = ReadCpu(options);
  if (!before.ok()) return before.status();
  if (go_on) {
    recorder.StartMeasuring();
    // Without a warm-up every request counts, the first one too.
    if (!warm_up) start_lanes();
    Watch(recorder, "measuring", options.duration, progress);
  }
  recorder.Stop();
  absl::StatusOr<RunResult> result = ReadCpu(options);
  if (!result.ok()) return result.status();
  result->client_cpu_seconds -= before->client_cpu_seconds;
  if (result->server_cpu_seconds.has_value()) {
    *result->server_cpu_seconds -= *before->server_cpu_seconds;
  }
  return result;
}

}  // namespace

absl::StatusOr<RunResult> Run(const Options& options,
                              const std::vector<std::shared_ptr<grpc::Channel>>& channels,
                              const std::vector<Payload>& payloads, const ProgressFn& progress) {
  Recorder recorder(IdsOf(payloads), options.timeout, options.requests);
  const Lanes lanes = MakeLanes(options, channels, payloads, recorder);
  absl::StatusOr<RunResult> result = Measure(options, recorder, lanes, progress);
  recorder.Stop();
  for (const auto& lane : lanes) lane->Join();
  if (result.ok()) result->stats = recorder.Snapshot();
  return result;
}

}  // namespace siskin::loadtest
