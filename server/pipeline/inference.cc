#include "server/pipeline/inference.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/rejection.h"
#include "base/status_macros.h"
#include "server/pipeline/preprocess.h"

namespace siskin::pipeline {
namespace {

using Input = std::variant<ImagesInput, TensorView>;

struct Payload {
  int images = 0;
  int64_t bytes = 0;
};

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

absl::StatusOr<Payload> CheckImages(const ImagesInput& input, const ImageLimits& limits,
                                    int max_images) {
  const size_t images = input.files.size();
  if (images < 1 || images > static_cast<size_t>(max_images)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a request carries 1 to ", max_images, " images, this one has ", images));
  }
  Payload payload;
  payload.images = static_cast<int>(images);
  for (int i = 0; i < payload.images; ++i) {
    const absl::Status status = ProbeImage(input.files[i], limits).status();
    SISKIN_RETURN_IF_ERROR(AtImage(status, i, payload.images));
    payload.bytes += static_cast<int64_t>(input.files[i].size());
  }
  return payload;
}

absl::StatusOr<Payload> CheckInput(const Input& input, const models::InputContract& contract,
                                   const ImageLimits& limits, int max_images) {
  if (const auto* images = std::get_if<ImagesInput>(&input)) {
    return CheckImages(*images, limits, max_images);
  }
  const auto& tensor = std::get<TensorView>(input);
  SISKIN_ASSIGN_OR_RETURN(const int images, CheckTensor(tensor, contract, max_images));
  return Payload{images, static_cast<int64_t>(tensor.bytes.size())};
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
                 const ImageLimits& limits, int images, Permit permit,
                 engine::BatchObserver* observer, Inference::Done done)
      : input_(request.input),
        selector_(request.selector),
        limits_(limits),
        permit_(std::move(permit)),
        observer_(observer),
        done_(std::move(done)),
        pending_(images + 1) {
    result_.images = images;
    result_.sizes.resize(images);
    const engine::LoadedModel& model = *servable->model;
    const bool features = selector_ == engine::OutputSelector::kFeatures;
    result_.outputs.resize(static_cast<size_t>(images) *
                           (features ? model.features() : model.outputs()));
    result_.servable = std::move(servable);
  }

  engine::OutputSelector selector() const { return selector_; }

  // True once an image has failed: the others need not be computed.
  bool failed() const { return failed_.load(std::memory_order_relaxed); }

  absl::Status Prepare(int image, absl::Span<float> planes) {
    const models::InputContract& contract = result_.servable->model->input();
    if (const auto* photos = std::get_if<ImagesInput>(&input_)) {
      return PreparePhoto(photos->files[image], limits_, contract, planes, result_.sizes[image]);
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
  const engine::OutputSelector selector_;
  const ImageLimits limits_;
  Permit permit_;
  engine::BatchObserver* const observer_;
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

absl::Status CheckFitsQueue(int images, const batching::BatchQueue& queue) {
  const int capacity = queue.options().capacity;
  if (images <= capacity) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the request has ", images,
                                                 " images, the model's queue holds ", capacity,
                                                 " at most; send fewer at a time"));
}

void EnqueueAll(const std::shared_ptr<PendingRequest>& pending, int images,
                const InferenceRequest& request, batching::BatchQueue& queue) {
  for (int image = 0; image < images; ++image) {
    std::unique_ptr<batching::Task> task =
        std::make_unique<ImageTask>(pending, image, request.deadline, request.cancel);
    const absl::Status status = queue.Enqueue(task);
    if (!status.ok()) return pending->FailUnqueued(images - image, status);
  }
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

  const auto payload = CheckInput(request.input, (*servable)->model->input(), limits_, max_images_);
  if (!payload.ok()) return done(payload.status());
  const int images = payload->images;
  if (absl::Status fits = CheckFitsQueue(images, queue); !fits.ok()) return done(std::move(fits));

  auto permit = admission_.Admit(payload->bytes, request.deadline, clock_.Now());
  if (!permit.ok()) return done(std::move(permit).status());

  const auto pending = std::make_shared<PendingRequest>(
      *servable, request, limits_, images, *std::move(permit), observer_, std::move(done));
  EnqueueAll(pending, images, request, queue);
  pending->AllStarted();
}

}  // namespace siskin::pipeline
