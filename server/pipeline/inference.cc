#include "server/pipeline/inference.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/rejection.h"
#include "base/status_macros.h"
#include "server/pipeline/preprocess.h"

namespace siskin::pipeline {
namespace {

using Input = std::variant<ImagesInput, TensorView>;

// What is known of the photos of a request from their headers; empty for a tensor.
using PhotoInfos = std::vector<ImageInfo>;

// What the input is made of, once it was checked.
struct CheckedInput {
  int images = 0;
  PhotoInfos photos;
};

int64_t PayloadBytes(const Input& input) {
  if (const auto* tensor = std::get_if<TensorView>(&input)) {
    return static_cast<int64_t>(tensor->bytes.size());
  }
  int64_t bytes = 0;
  for (const auto& file : std::get<ImagesInput>(input).files) {
    bytes += static_cast<int64_t>(file.size());
  }
  return bytes;
}

// Says which image an error is about, where there are several.
absl::Status AtImage(const absl::Status& status, int image, int images) {
  if (status.ok() || images == 1) return status;
  absl::Status at_image(status.code(),
                        absl::StrCat("image ", image + 1, " of ", images, ": ", status.message()));
  status.ForEachPayload([&](absl::string_view name, const absl::Cord& payload) {
    at_image.SetPayload(name, payload);
  });
  return at_image;
}

absl::StatusOr<CheckedInput> CheckImages(const ImagesInput& input, const ImageLimits& limits,
                                         int max_images) {
  const size_t images = input.files.size();
  if (images < 1 || images > static_cast<size_t>(max_images)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a request carries 1 to ", max_images, " images, this one has ", images));
  }
  CheckedInput checked;
  checked.images = static_cast<int>(images);
  for (int i = 0; i < checked.images; ++i) {
    const absl::StatusOr<ImageInfo> info = ProbeImage(input.files[i], limits);
    if (!info.ok()) return AtImage(info.status(), i, checked.images);
    checked.photos.push_back(*info);
  }
  return checked;
}

absl::StatusOr<CheckedInput> CheckInput(const Input& input, const models::InputContract& contract,
                                        const ImageLimits& limits, int max_images) {
  if (const auto* images = std::get_if<ImagesInput>(&input)) {
    return CheckImages(*images, limits, max_images);
  }
  SISKIN_ASSIGN_OR_RETURN(const int images,
                          CheckTensor(std::get<TensorView>(input), contract, max_images));
  return CheckedInput{.images = images};
}

// Buffers of a lane thread, which it keeps between images.
struct Scratch {
  RgbImage photo;
  Preprocessor preprocessor;
};

absl::Status PreparePhoto(absl::Span<const uint8_t> file, const ImageLimits& limits,
                          const models::InputContract& contract, absl::Span<float> planes,
                          ImageSize& size) {
  thread_local Scratch scratch;
  SISKIN_RETURN_IF_ERROR(DecodeImage(file, limits, scratch.photo));
  size = scratch.photo.upright_size();
  return scratch.preprocessor.Run(scratch.photo, contract, planes);
}

// A request on its way. Its tasks share it; the last one to end answers it.
//
// Thread-safe.
class PendingRequest {
 public:
  PendingRequest(std::shared_ptr<const engine::Servable> servable, const InferenceRequest& request,
                 const ImageLimits& limits, CheckedInput checked, Permit permit,
                 engine::BatchObserver* observer, PrepareCost& prepare_cost, Clock& clock,
                 Inference::Done done)
      : input_(request.input),
        photos_(std::move(checked.photos)),
        selector_(request.selector),
        limits_(limits),
        permit_(std::move(permit)),
        observer_(observer),
        prepare_cost_(prepare_cost),
        clock_(clock),
        done_(std::move(done)),
        pending_(checked.images + 1) {
    result_.images = checked.images;
    result_.sizes.resize(checked.images);
    const engine::LoadedModel& model = *servable->model;
    const bool features = selector_ == engine::OutputSelector::kFeatures;
    result_.outputs.resize(static_cast<size_t>(checked.images) *
                           (features ? model.features() : model.outputs()));
    result_.servable = std::move(servable);
  }

  engine::OutputSelector selector() const { return selector_; }

  // Of an image, as far as is known.
  absl::Duration PrepareEstimate(int image) const {
    return photos_.empty() ? absl::ZeroDuration() : prepare_cost_.Estimate(photos_[image]);
  }

  // True once an image has failed: the others need not be computed.
  bool failed() const { return failed_.load(std::memory_order_relaxed); }

  absl::Status Prepare(int image, absl::Span<float> planes) {
    const models::InputContract& contract = result_.servable->model->input();
    if (const auto* photos = std::get_if<ImagesInput>(&input_)) {
      const MonotonicTime start = clock_.Now();
      SISKIN_RETURN_IF_ERROR(
          PreparePhoto(photos->files[image], limits_, contract, planes, result_.sizes[image]));
      prepare_cost_.Observe(photos_[image], clock_.Now() - start);
      return absl::OkStatus();
    }
    CopyTensorImage(std::get<TensorView>(input_), contract, image, planes);
    return absl::OkStatus();
  }

  void Complete(int image, absl::Span<const float> values, const engine::TaskTiming& timing) {
    std::copy(values.begin(), values.end(), result_.outputs.begin() + image * values.size());
    {
      absl::MutexLock lock(&mu_);
      engine::TaskTiming& total = result_.timing;
      total.queue = std::max(total.queue, timing.queue);
      total.prepare += timing.prepare;
      total.compute = std::max(total.compute, timing.compute);
      total.batch_size = std::max(total.batch_size, timing.batch_size);
    }
    End(1);
  }

  void Fail(int image, const absl::Status& status) {
    ReportIfSkipped(status);
    RecordFailure(AtImage(status, image, result_.images));
    End(1);
  }

  // For `tasks` that no queue took.
  void FailUnqueued(int tasks, const absl::Status& status) {
    RecordFailure(status);
    End(tasks);
  }

  // Every task is queued or failed. Until then the request stays open.
  void AllStarted() { End(1); }

 private:
  void ReportIfSkipped(const absl::Status& status) const {
    const std::optional<Rejection> reason = RejectionOf(status);
    if (observer_ == nullptr) return;
    if (reason == Rejection::kDeadline || reason == Rejection::kCancelled) {
      observer_->OnSkipped(*result_.servable->model, *reason);
    }
  }

  // The first error is the answer; those that follow are mostly its consequences.
  void RecordFailure(const absl::Status& status) {
    absl::MutexLock lock(&mu_);
    if (failure_.ok()) failure_ = status;
    failed_.store(true, std::memory_order_relaxed);
  }

  void End(int count) {
    if (pending_.fetch_sub(count, std::memory_order_acq_rel) > count) return;
    absl::Status failure;
    {
      absl::MutexLock lock(&mu_);
      failure = failure_;
    }
    permit_.Release();
    if (failure.ok()) {
      done_(std::move(result_));
    } else {
      done_(std::move(failure));
    }
  }

  const Input input_;
  const PhotoInfos photos_;
  const engine::OutputSelector selector_;
  const ImageLimits limits_;
  Permit permit_;
  engine::BatchObserver* const observer_;
  PrepareCost& prepare_cost_;
  Clock& clock_;
  Inference::Done done_;
  std::atomic<int> pending_;  // tasks that have not ended, and one for Start itself
  std::atomic<bool> failed_{false};
  absl::Mutex mu_;  // guards result_.timing too; sizes and outputs are each task's own
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  InferenceResult result_;
};

class ImageTask : public engine::InferenceTask {
 public:
  ImageTask(std::shared_ptr<PendingRequest> request, int image, MonotonicTime deadline,
            std::shared_ptr<const batching::CancelFlag> cancel)
      : InferenceTask(deadline, std::move(cancel)), request_(std::move(request)), image_(image) {}

  bool cancelled() const override { return Task::cancelled() || request_->failed(); }

  absl::Status Prepare(absl::Span<float> planes) override {
    return request_->Prepare(image_, planes);
  }
  engine::OutputSelector selector() const override { return request_->selector(); }
  void Complete(absl::Span<const float> values, const engine::TaskTiming& timing) override {
    request_->Complete(image_, values, timing);
  }
  void Fail(const absl::Status& status) override { request_->Fail(image_, status); }

 private:
  const std::shared_ptr<PendingRequest> request_;
  const int image_;
};

absl::Status CheckAbility(const InferenceRequest& request, const engine::LoadedModel& model) {
  const models::OutputKind kind = model.spec().output;
  if (request.kind.has_value() && kind != *request.kind) {
    return absl::InvalidArgumentError(absl::StrCat("model '", model.name(), "' is a ",
                                                   ToString(kind), ", the request needs a ",
                                                   ToString(*request.kind)));
  }
  if (request.selector == engine::OutputSelector::kFeatures && model.features() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("model '", model.name(), "' has no pooled features to return"));
  }
  return absl::OkStatus();
}

absl::Status CheckFitsQueue(int images, uint64_t priority, const batching::BatchQueue& queue) {
  const int capacity = queue.CapacityFor(priority);
  if (images <= capacity) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the request has ", images,
                                                 " images, the model's queue holds ", capacity,
                                                 " at most; send fewer at a time"));
}

MonotonicTime DeadlineOf(const InferenceRequest& request, const batching::BatchQueue& queue,
                         MonotonicTime now) {
  if (queue.options().priorities.has_value()) return request.deadline;
  return std::min(request.deadline, now + request.timeout);
}

void EnqueueAll(const std::shared_ptr<PendingRequest>& pending, int images,
                const InferenceRequest& request, MonotonicTime deadline,
                batching::BatchQueue& queue) {
  absl::InlinedVector<std::unique_ptr<batching::Task>, 1> tasks;
  tasks.reserve(images);
  for (int image = 0; image < images; ++image) {
    tasks.push_back(std::make_unique<ImageTask>(pending, image, deadline, request.cancel));
    tasks.back()->set_priority(request.priority, request.timeout);
    tasks.back()->set_prepare_cost(pending->PrepareEstimate(image));
  }
  const absl::Status status = queue.Enqueue(absl::MakeSpan(tasks));
  if (!status.ok()) pending->FailUnqueued(images, status);
}

}  // namespace

Inference::Inference(const engine::ModelRegistry& registry, Admission& admission,
                     ImageLimits limits, int max_images, engine::BatchObserver* observer,
                     Clock& clock)
    : registry_(registry),
      admission_(admission),
      limits_(limits),
      max_images_(max_images),
      observer_(observer),
      clock_(clock) {}

void Inference::Start(const InferenceRequest& request, Done done) {
  auto servable = registry_.Resolve(request.model, request.version, request.kind);
  if (!servable.ok()) return done(std::move(servable).status());
  batching::BatchQueue& queue = *(*servable)->queue;
  if (absl::Status able = CheckAbility(request, *(*servable)->model); !able.ok()) {
    return done(std::move(able));
  }

  // Before anything is read of the payload: under overload a refusal has to be cheap.
  const MonotonicTime now = clock_.Now();
  const MonotonicTime deadline = DeadlineOf(request, queue, now);
  auto permit = admission_.Admit(PayloadBytes(request.input), deadline, now);
  if (!permit.ok()) return done(std::move(permit).status());

  auto checked = CheckInput(request.input, (*servable)->model->input(), limits_, max_images_);
  absl::Status fits =
      checked.ok() ? CheckFitsQueue(checked->images, request.priority, queue) : checked.status();
  if (!fits.ok()) {
    permit->Release();
    return done(std::move(fits));
  }
  const int images = checked->images;

  const auto pending = std::make_shared<PendingRequest>(
      *servable, request, limits_, *std::move(checked), *std::move(permit), observer_,
      prepare_cost_, clock_, std::move(done));
  EnqueueAll(pending, images, request, deadline, queue);
  pending->AllStarted();
}

}  // namespace siskin::pipeline
