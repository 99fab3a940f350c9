#include "server/engine/lane.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"

namespace siskin::engine {
namespace {

// Of a plan, where it is measured: the fastest of a few runs, since what disturbs one makes it
// slower. A large plan is run but once: loading must not take long.
constexpr int kMostRuns = 5;
constexpr absl::Duration kLongestMeasurement = absl::Milliseconds(20);

}  // namespace

LaneModel::LaneModel(std::shared_ptr<const LoadedModel> model)
    : model_(std::move(model)), arena_(model_->arena_bytes()) {}

absl::StatusOr<std::unique_ptr<LaneModel>> LaneModel::Make(
    std::shared_ptr<const LoadedModel> model) {
  std::unique_ptr<LaneModel> made(new LaneModel(std::move(model)));
  for (const auto& plan : made->model_->plans()) {
    SISKIN_ASSIGN_OR_RETURN(auto workspace, plan->MakeWorkspace(made->arena_.bytes()));
    const absl::Span<float> input = workspace->input();
    std::fill(input.begin(), input.end(), 0.0f);
    SISKIN_RETURN_IF_ERROR(plan->Run(*workspace));
    made->workspaces_.push_back(std::move(workspace));
  }
  return made;
}

absl::StatusOr<std::vector<batching::BatchCost>> LaneModel::Measure(Clock& clock) {
  std::vector<batching::BatchCost> costs;
  for (size_t i = 0; i < workspaces_.size(); ++i) {
    const absl::Span<float> input = workspaces_[i]->input();
    std::fill(input.begin(), input.end(), 0.0f);
    absl::Duration least = absl::InfiniteDuration();
    absl::Duration spent;
    for (int run = 0; run < kMostRuns && spent < kLongestMeasurement; ++run) {
      const MonotonicTime start = clock.Now();
      SISKIN_RETURN_IF_ERROR(plan(i).Run(*workspaces_[i]));
      const absl::Duration took = clock.Now() - start;
      least = std::min(least, took);
      spent += took;
    }
    costs.push_back({plan(i).batch_size(), least});
  }
  return costs;
}

size_t LaneModel::LargestPlanWithin(size_t images) const {
  size_t index = 0;
  while (static_cast<size_t>(plan(index).batch_size()) > images) ++index;
  return index;
}

size_t LaneModel::SmallestPlanFor(size_t images) const {
  size_t index = model_->plans().size() - 1;
  while (static_cast<size_t>(plan(index).batch_size()) < images) --index;
  return index;
}

Lane::Lane(int index, batching::Scheduler& scheduler, BatchObserver* observer)
    : index_(index), scheduler_(scheduler), clock_(scheduler.clock()), observer_(observer) {
  slots_.reserve(batching::kMaxBatchSize);
}

bool Lane::Has(const LoadedModel& model) const { return Find(&model) != nullptr; }

void Lane::Add(std::unique_ptr<LaneModel> model) {
  const LoadedModel* const key = &model->model();
  absl::MutexLock lock(&mu_);
  models_[key] = std::move(model);
}

void Lane::Remove(const LoadedModel& model) {
  std::shared_ptr<LaneModel> removed;  // freed without the lock
  absl::MutexLock lock(&mu_);
  const auto it = models_.find(&model);
  if (it == models_.end()) return;
  removed = std::move(it->second);
  models_.erase(it);
}

std::shared_ptr<LaneModel> Lane::Find(const void* owner) const {
  absl::MutexLock lock(&mu_);
  const auto it = models_.find(owner);
  return it == models_.end() ? nullptr : it->second;
}

void Lane::Run() {
  batching::Batch batch;
  batch.tasks.reserve(batching::kMaxBatchSize);
  while (scheduler_.WaitForBatch(batch, index_)) {
    taken_ = clock_.Now();
    RunBatch(batch);
    if (observer_ != nullptr) observer_->OnLaneBusy(index_, clock_.Now() - taken_);
  }
}

void Lane::RunBatch(batching::Batch& batch) {
  // On every path, each task is ended once: a task leaves `batch` (becomes null there) when it is
  // about to be prepared, and what has not left is failed here.
  absl::Status left_over = absl::InternalError("a lane returned without an answer");
  const absl::Cleanup end_what_is_left = [&] {
    for (const auto& task : batch.tasks) {
      if (task != nullptr) task->Fail(left_over);
    }
  };
  const std::shared_ptr<LaneModel> model = Find(batch.owner);
  if (model == nullptr) {
    left_over = absl::InternalError("the model of this batch was not given to the lanes");
    return;
  }
  Totals totals;
  Tasks waiting = absl::MakeSpan(batch.tasks);
  while (!waiting.empty()) {
    waiting.remove_prefix(RunChunk(*model, *batch.queue, waiting, totals));
  }
  if (observer_ != nullptr && totals.images > 0) {
    observer_->OnBatch(model->model(), totals.images, batch.reason, totals.compute);
  }
}

// Ends at least one of `waiting`, from the front; returns how many.
size_t Lane::RunChunk(LaneModel& model, batching::BatchQueue& queue, Tasks waiting,
                      Totals& totals) {
  // All plans of a model share one arena, so a chunk is answered before the next one is prepared:
  // that one's input may lie where the outputs do.
  const size_t tentative = model.LargestPlanWithin(waiting.size());
  const size_t ended = Fill(model.workspace(tentative), model.plan(tentative), waiting);
  if (slots_.empty()) return ended;

  const size_t chosen = MoveToPlan(model, tentative);
  ops::Workspace& workspace = model.workspace(chosen);
  const MonotonicTime start = clock_.Now();
  const absl::Status status = Compute(model.plan(chosen), workspace);
  const absl::Duration compute = clock_.Now() - start;
  if (status.ok()) totals.images += static_cast<int>(slots_.size());
  totals.compute += compute;
  CompleteAll(status, model.plan(chosen), workspace, compute);
  // Answering counts: it is time of the lane as well.
  queue.Observe(model.plan(chosen).batch_size(), clock_.Now() - start);
  return ended;
}

absl::Status Lane::Compute(const ops::Plan& plan, ops::Workspace& workspace) {
  return plan.Run(workspace);
}

// Prepares tasks until the plan's input is full or none is left. Those that fail are ended; the
// others move to `slots_`.
size_t Lane::Fill(ops::Workspace& workspace, const ops::Plan& plan, Tasks waiting) {
  const size_t image = plan.input_shape().elements();
  size_t taken = 0;
  MonotonicTime start = clock_.Now();
  while (taken < waiting.size() && slots_.size() < static_cast<size_t>(plan.batch_size())) {
    // The queues of models hold inference tasks only: see LanePool.
    auto task = absl::WrapUnique(static_cast<InferenceTask*>(waiting[taken++].release()));
    const absl::Status status =
        task->Prepare(workspace.input().subspan(slots_.size() * image, image));
    const MonotonicTime end = clock_.Now();
    if (status.ok()) {
      slots_.push_back({std::move(task), end - start});
    } else {
      task->Fail(status);
    }
    start = end;
  }
  return taken;
}

// Chooses the plan for what is in `slots_`, which was prepared in the input of plan `prepared_for`.
size_t Lane::MoveToPlan(LaneModel& model, size_t prepared_for) {
  const size_t chosen = model.SmallestPlanFor(slots_.size());
  const absl::Span<float> from = model.workspace(prepared_for).input();
  const absl::Span<float> to = model.workspace(chosen).input();
  const size_t values = slots_.size() * model.plan(chosen).input_shape().elements();
  // Both lie in one arena and may overlap.
  if (chosen != prepared_for) std::memmove(to.data(), from.data(), values * sizeof(float));
  // After the move, which still reads there. The plan computes the places without a task as well:
  // zeros, not what the last run has left, which may be slow to compute with (denormal numbers).
  std::fill(to.begin() + values, to.end(), 0.0f);
  return chosen;
}

void Lane::CompleteAll(const absl::Status& status, const ops::Plan& plan,
                       const ops::Workspace& workspace, absl::Duration compute) {
  const auto values_of = [&](OutputSelector selector, size_t image) {
    const auto all =
        selector == OutputSelector::kFeatures ? workspace.features() : workspace.output();
    const size_t size = all.size() / plan.batch_size();
    return all.subspan(image * size, size);
  };
  // The values are borrowed from the workspace: a task copies what it wants to keep.
  TaskTiming timing;
  timing.compute = compute;
  timing.batch_size = static_cast<int>(slots_.size());
  for (size_t i = 0; i < slots_.size(); ++i) {
    InferenceTask& task = *slots_[i].task;
    timing.queue = taken_ - task.enqueued();
    timing.prepare = slots_[i].prepare;
    if (status.ok()) {
      task.Complete(values_of(task.selector(), i), timing);
    } else {
      task.Fail(absl::InternalError(absl::StrCat("the network failed: ", status.message())));
    }
  }
  slots_.clear();
}

}  // namespace siskin::engine
