// What metrics cost: the calls that one request makes, beside the network that it came for, and a
// scrape. Run it on an idle machine; see loadtest/README.md.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "models/model_loader.h"
#include "server/batching/scheduler.h"
#include "server/engine/loaded_model.h"
#include "server/metrics/metrics.h"
#include "siskin/v1/classifier.pb.h"

namespace siskin::loadtest {
namespace {

constexpr char kNetwork[] = "mobilenet_v3_small";
constexpr int kRuns = 300;
constexpr int kRequests = 1'000'000;  // of each thread
constexpr int kScrapes = 100;

template <typename Work>
absl::Duration Time(Work work) {
  const MonotonicTime start = Clock::Real().Now();
  work();
  return Clock::Real().Now() - start;
}

absl::StatusOr<std::shared_ptr<const engine::LoadedModel>> Load() {
  models::LoadRequest request;
  request.architecture = kNetwork;
  SISKIN_ASSIGN_OR_RETURN(models::BoundModel bound, models::RandomModel(request));
  return engine::LoadedModel::Compile(std::move(bound), {.name = kNetwork, .max_batch_size = 1});
}

// The median time of a single image.
absl::StatusOr<absl::Duration> MeasureNetwork(const engine::LoadedModel& model) {
  const ops::Plan& plan = *model.plans().back();
  ops::Arena arena(plan.arena_bytes());
  SISKIN_ASSIGN_OR_RETURN(const auto workspace, plan.MakeWorkspace(arena.bytes()));
  std::vector<absl::Duration> runs;
  for (int i = 0; i < kRuns; ++i) {
    const absl::Span<float> input = workspace->input();
    std::fill(input.begin(), input.end(), 0.5f);
    absl::Status status;
    runs.push_back(Time([&] { status = plan.Run(*workspace); }));
    SISKIN_RETURN_IF_ERROR(status);
  }
  std::nth_element(runs.begin(), runs.begin() + kRuns / 2, runs.end());
  return runs[kRuns / 2];
}

// The messages of a request, whose sizes are counted.
struct Messages {
  Messages() {
    request.set_model(kNetwork);
    request.set_image(std::string(100'000, 'x'));
    for (int i = 0; i < 5; ++i) response.add_classifications()->set_label("a label of a class");
  }
  v1::ClassifyRequest request;
  v1::ClassifyResponse response;
};

// Everything that an answered request of one image tells the metrics, as server/rpc and
// server/engine do.
void Report(metrics::Metrics& metrics, const engine::LoadedModel& model, const Messages& messages,
            int lane) {
  metrics.OnMessage(metrics::Direction::kReceived, messages.request.ByteSizeLong());
  const engine::TaskTiming timing = {.queue = absl::Microseconds(700),
                                     .prepare = absl::Microseconds(1700),
                                     .compute = absl::Microseconds(2900),
                                     .batch_size = 1};
  const MonotonicTime start = Clock::Real().Now();
  metrics.OnStages(model.name(), model.version(), timing, Clock::Real().Now() - start);
  metrics.OnBatch(model, 1, batching::CloseReason::kDelay, timing.compute);
  metrics.OnLaneBusy(lane, timing.prepare + timing.compute);
  metrics.OnMessage(metrics::Direction::kSent, messages.response.ByteSizeLong());
  metrics.OnRequest(model.name(), model.version(), "Classify", absl::StatusCode::kOk,
                    absl::Milliseconds(6));
}

// Wall-clock time of a request's calls on each of `threads` threads that count at the same time.
absl::Duration MeasureRequest(metrics::Metrics& metrics, const engine::LoadedModel& model,
                              int threads) {
  return Time([&] {
           std::vector<std::jthread> running;
           running.reserve(threads);
           for (int lane = 0; lane < threads; ++lane) {
             running.emplace_back([&metrics, &model, lane] {
               const Messages messages;
               for (int i = 0; i < kRequests; ++i) Report(metrics, model, messages, lane);
             });
           }
         }) /
         kRequests;
}

absl::Status Run() {
  SISKIN_ASSIGN_OR_RETURN(const auto model, Load());
  SISKIN_ASSIGN_OR_RETURN(const absl::Duration network, MeasureNetwork(*model));
  absl::PrintF("%s, one image: %.3f ms\n", kNetwork, absl::ToDoubleMilliseconds(network));

  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const auto metrics = metrics::Metrics::Create({});
  batching::Scheduler scheduler;
  SISKIN_ASSIGN_OR_RETURN(auto queue, scheduler.AddQueue({}, nullptr));
  metrics->OnLanes(cores);
  metrics->OnModelState({kNetwork, "1", engine::ModelState::kReady, absl::OkStatus()});
  metrics->OnModelLoaded({model, std::move(queue)}, {.lanes = cores});

  std::vector<int> thread_counts = {1};
  if (cores > 1) thread_counts.push_back(cores);
  for (const int threads : thread_counts) {
    const absl::Duration request = MeasureRequest(*metrics, *model, threads);
    absl::PrintF("metrics of a request, %d thread%s counting: %.0f ns, %.4f %% of the network\n",
                 threads, threads == 1 ? "" : "s", absl::ToDoubleNanoseconds(request),
                 100 * absl::FDivDuration(request, network));
  }
  std::string exposition;
  const absl::Duration scrape = Time([&] {
    for (int i = 0; i < kScrapes; ++i) exposition = metrics->Scrape();
  });
  absl::PrintF("a scrape of %d lines: %.3f ms\n",
               std::count(exposition.begin(), exposition.end(), '\n'),
               absl::ToDoubleMilliseconds(scrape / kScrapes));
  return absl::OkStatus();
}

}  // namespace
}  // namespace siskin::loadtest

int main() {
  const absl::Status status = siskin::loadtest::Run();
  if (status.ok()) return 0;
  absl::FPrintF(stderr, "metrics-cost: %s\n", std::string(status.message()));
  return 1;
}
