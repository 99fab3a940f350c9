#include "server/cli/bench_runner.h"

#include <algorithm>
#include <barrier>
#include <cmath>
#include <random>
#include <thread>

#include "base/clock.h"
#include "base/cpu_affinity.h"
#include "base/status_macros.h"

namespace siskin::cli {
namespace {

constexpr int kWarmUpRuns = 3;

// What one lane measured.
struct LaneRecord {
  absl::Status status;
  std::vector<absl::Duration> runs;
};

// Values like those of a normalised photo, the same for every run.
std::vector<float> MakeInput(size_t size) {
  std::vector<float> input(size);
  std::minstd_rand random(1);
  std::uniform_real_distribution<float> value(-1.0f, 1.0f);
  for (float& x : input) x = value(random);
  return input;
}

absl::StatusOr<absl::Duration> TimeRun(const ops::Plan& plan, const std::vector<float>& input,
                                       ops::Workspace& workspace) {
  // A run destroys its input.
  std::copy(input.begin(), input.end(), workspace.input().begin());
  const MonotonicTime start = Clock::Real().Now();
  SISKIN_RETURN_IF_ERROR(plan.Run(workspace));
  return Clock::Real().Now() - start;
}

absl::Status WarmUp(const ops::Plan& plan, const std::vector<float>& input,
                    ops::Workspace& workspace) {
  for (int i = 0; i < kWarmUpRuns; ++i) {
    SISKIN_RETURN_IF_ERROR(TimeRun(plan, input, workspace).status());
  }
  return absl::OkStatus();
}

absl::Status Measure(const ops::Plan& plan, const std::vector<float>& input,
                     ops::Workspace& workspace, absl::Duration duration,
                     std::vector<absl::Duration>& runs) {
  const MonotonicTime end = Clock::Real().Now() + duration;
  do {
    SISKIN_ASSIGN_OR_RETURN(const absl::Duration run, TimeRun(plan, input, workspace));
    runs.push_back(run);
  } while (Clock::Real().Now() < end);
  return absl::OkStatus();
}

// Every lane arrives at the barrier exactly once, whatever fails, so that no lane waits for ever.
void RunLane(const ops::Plan& plan, absl::Duration duration, int cpu, std::barrier<>& start,
             LaneRecord& record) {
  // A lane that cannot be pinned still measures, only less steadily.
  if (cpu >= 0) PinThisThread({cpu}).IgnoreError();
  const std::vector<float> input = MakeInput(plan.batch_size() * plan.input_shape().elements());
  ops::Arena arena(plan.arena_bytes());
  auto workspace = plan.MakeWorkspace(arena.bytes());
  record.status = workspace.ok() ? WarmUp(plan, input, **workspace) : workspace.status();
  start.arrive_and_wait();
  if (!record.status.ok()) return;
  record.status = Measure(plan, input, **workspace, duration, record.runs);
}

BenchResult Summarise(const std::vector<LaneRecord>& records, int batch) {
  BenchResult result;
  result.batch = batch;
  result.lanes = static_cast<int>(records.size());
  std::vector<absl::Duration> all;
  for (const LaneRecord& record : records) {
    absl::Duration busy;
    for (const absl::Duration run : record.runs) busy += run;
    result.images_per_second += batch * record.runs.size() / absl::ToDoubleSeconds(busy);
    all.insert(all.end(), record.runs.begin(), record.runs.end());
  }
  std::sort(all.begin(), all.end());
  result.runs = static_cast<int>(all.size());
  result.median = Quantile(all, 0.5);
  result.p99 = Quantile(all, 0.99);
  return result;
}

}  // namespace

absl::Duration Quantile(const std::vector<absl::Duration>& sorted, double quantile) {
  const double rank = std::ceil(quantile * sorted.size());
  return sorted[std::clamp<size_t>(static_cast<size_t>(rank), 1, sorted.size()) - 1];
}

absl::StatusOr<BenchResult> RunBench(const std::shared_ptr<const ops::Plan>& plan, int lanes,
                                     absl::Duration duration, const std::vector<int>& cpus) {
  std::vector<LaneRecord> records(lanes);
  std::barrier<> start(lanes);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < lanes; ++i) {
      const int cpu = cpus.empty() ? -1 : cpus[i % cpus.size()];
      threads.emplace_back([&, cpu, i] { RunLane(*plan, duration, cpu, start, records[i]); });
    }
  }
  for (const LaneRecord& record : records) SISKIN_RETURN_IF_ERROR(record.status);
  return Summarise(records, plan->batch_size());
}

}  // namespace siskin::cli
