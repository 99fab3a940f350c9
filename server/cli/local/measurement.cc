#include "server/cli/local/measurement.h"

#include <algorithm>
#include <barrier>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/clock.h"
#include "base/cpu_affinity.h"
#include "base/cpu_budget.h"
#include "base/status_macros.h"
#include "ops/checkpoint.h"

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
  std::vector<absl::Duration>& all = result.runs;
  for (const LaneRecord& record : records) {
    absl::Duration busy;
    for (const absl::Duration run : record.runs) busy += run;
    result.images_per_second += batch * record.runs.size() / absl::ToDoubleSeconds(busy);
    all.insert(all.end(), record.runs.begin(), record.runs.end());
  }
  std::sort(all.begin(), all.end());
  result.median = Quantile(all, 0.5);
  result.p99 = Quantile(all, 0.99);
  return result;
}

struct GoldenTensor {
  std::vector<int64_t> shape;
  ops::TensorData data;

  absl::Span<const float> Image(int image) const {
    const size_t size = data.values().size() / shape.front();
    return data.values().subspan(image * size, size);
  }
};

absl::StatusOr<GoldenTensor> ReadTensor(const ops::Checkpoint& file, const std::string& key,
                                        size_t rank) {
  const auto found = file.tensors().find(key);
  if (found == file.tensors().end()) {
    return absl::NotFoundError(absl::StrCat(
        file.name(), ": no tensor '", key,
        "'; a check file holds 'input' [n, 3, height, width] and 'logits' [n, classes] or, of a "
        "face detector, 'scores' [n, anchors, 1] and 'boxes' [n, anchors, numbers]"));
  }
  const std::vector<int64_t>& shape = found->second.shape;
  if (shape.size() != rank || shape.front() < 1) {
    return absl::InvalidArgumentError(absl::StrCat(file.name(), ": tensor '", key, "' has shape [",
                                                   absl::StrJoin(shape, ", "), "], expected ", rank,
                                                   " dimensions and at least one image"));
  }
  SISKIN_ASSIGN_OR_RETURN(ops::TensorData data, file.Read(key));
  return GoldenTensor{shape, std::move(data)};
}

absl::StatusOr<std::vector<GoldenTensor>> ReadOutputs(const ops::Checkpoint& file) {
  std::vector<GoldenTensor> outputs;
  if (file.Contains("scores")) {
    SISKIN_ASSIGN_OR_RETURN(GoldenTensor scores, ReadTensor(file, "scores", 3));
    SISKIN_ASSIGN_OR_RETURN(GoldenTensor boxes, ReadTensor(file, "boxes", 3));
    outputs = {std::move(scores), std::move(boxes)};
  } else {
    SISKIN_ASSIGN_OR_RETURN(GoldenTensor logits, ReadTensor(file, "logits", 2));
    outputs = {std::move(logits)};
  }
  return outputs;
}

absl::Status CheckShapes(const Golden& golden, const ops::Plan& plan) {
  const ops::Shape& in = plan.input_shape();
  const std::vector<int64_t> input = {in.channels, in.height, in.width};
  const int64_t outputs = plan.output_shape().elements();
  if (golden.input_shape == input && golden.outputs_per_image() == outputs) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the check file is for another model: it maps [",
                   absl::StrJoin(golden.input_shape, ", "), "] to ", golden.outputs_per_image(),
                   " values, the model maps [", absl::StrJoin(input, ", "), "] to ", outputs));
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

std::string CpuModelName(const std::string& cpuinfo) {
  for (absl::string_view line : absl::StrSplit(cpuinfo, '\n')) {
    if (!absl::ConsumePrefix(&line, "model name")) continue;
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos) continue;
    return std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  }
  return "unknown";
}

Machine DescribeMachine() {
  std::ostringstream cpuinfo;
  cpuinfo << std::ifstream("/proc/cpuinfo").rdbuf();
  return {.cpu = CpuModelName(cpuinfo.str()),
          .isa = ops::OneDnnIsa(),
          .onednn = ops::OneDnnVersion(),
          .cores = DetectCpuBudget().lanes()};
}

absl::StatusOr<Golden> ReadGolden(const std::string& path) {
  SISKIN_ASSIGN_OR_RETURN(const ops::Checkpoint file, ops::Checkpoint::Open(path));
  SISKIN_ASSIGN_OR_RETURN(const GoldenTensor input, ReadTensor(file, "input", 4));
  SISKIN_ASSIGN_OR_RETURN(const std::vector<GoldenTensor> outputs, ReadOutputs(file));
  for (const GoldenTensor& output : outputs) {
    if (output.shape.front() == input.shape.front()) continue;
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", input.shape.front(), " inputs but ",
                                                   output.shape.front(), " rows of outputs"));
  }
  Golden golden;
  golden.images = static_cast<int>(input.shape.front());
  golden.input_shape.assign(input.shape.begin() + 1, input.shape.end());
  golden.input.assign(input.data.values().begin(), input.data.values().end());
  for (int image = 0; image < golden.images; ++image) {
    for (const GoldenTensor& output : outputs) {
      const auto row = output.Image(image);
      golden.outputs.insert(golden.outputs.end(), row.begin(), row.end());
    }
  }
  return golden;
}

double MaxRelativeError(absl::Span<const float> actual, absl::Span<const float> expected) {
  double error = 0;
  double largest = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const double difference = std::abs(double{actual[i]} - double{expected[i]});
    if (!std::isfinite(difference)) return std::numeric_limits<double>::infinity();
    error = std::max(error, difference);
    largest = std::max(largest, std::abs(double{expected[i]}));
  }
  if (error == 0) return 0;
  return largest == 0 ? std::numeric_limits<double>::infinity() : error / largest;
}

absl::StatusOr<double> MaxRelativeError(const Golden& golden, const ops::Plan& plan) {
  SISKIN_RETURN_IF_ERROR(CheckShapes(golden, plan));
  ops::Arena arena(plan.arena_bytes());
  SISKIN_ASSIGN_OR_RETURN(const auto workspace, plan.MakeWorkspace(arena.bytes()));
  const size_t in = plan.input_shape().elements();
  const size_t out = plan.output_shape().elements();
  const int batch = plan.batch_size();
  std::vector<float> actual;
  std::vector<float> expected;
  for (int first = 0; first < golden.images; first += batch) {
    for (int slot = 0; slot < batch; ++slot) {
      const size_t image = (first + slot) % golden.images;
      std::copy_n(golden.input.begin() + image * in, in, workspace->input().begin() + slot * in);
      expected.insert(expected.end(), golden.outputs.begin() + image * out,
                      golden.outputs.begin() + (image + 1) * out);
    }
    SISKIN_RETURN_IF_ERROR(plan.Run(*workspace));
    actual.insert(actual.end(), workspace->output().begin(), workspace->output().end());
  }
  return MaxRelativeError(actual, expected);
}

}  // namespace siskin::cli
