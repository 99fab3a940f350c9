#include "server/admin/photo_inference.h"

#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rejection.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "server/pipeline/face_detection.h"
#include "server/pipeline/face_json.h"
#include "server/pipeline/top_k.h"

namespace siskin::admin {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kMethod[] = "StatusPage";
constexpr int kClasses = 5;

void AddFaces(const pipeline::InferenceResult& result, Json& answer) {
  answer["image"] = {{"width", result.sizes.front().width},
                     {"height", result.sizes.front().height}};
  answer["faces"] = pipeline::FacesToJson(pipeline::DetectFaces(result, {}));
}

void AddClasses(const pipeline::InferenceResult& result, Json& answer) {
  const std::vector<std::string>& labels = result.servable->model->labels();
  Json& classes = answer["classifications"] = Json::array();
  for (const pipeline::ScoredClass& best : pipeline::TopK(result.outputs, kClasses)) {
    Json one = {{"index", best.index}};
    if (!labels.empty()) one["label"] = labels[static_cast<size_t>(best.index)];
    one["probability"] = best.probability;
    classes.push_back(std::move(one));
  }
}

std::string Answer(const pipeline::InferenceResult& result) {
  const engine::LoadedModel& model = *result.servable->model;
  Json answer = {{"model", model.name()},
                 {"version", model.version()},
                 {"random_weights", model.random_weights()},
                 {"batch_size", result.timing.batch_size},
                 {"timing_ms",
                  {{"queue", absl::ToDoubleMilliseconds(result.timing.queue)},
                   {"decode", absl::ToDoubleMilliseconds(result.timing.prepare)},
                   {"compute", absl::ToDoubleMilliseconds(result.timing.compute)}}}};
  switch (model.spec().output) {
    case models::OutputKind::kClassification:
      AddClasses(result, answer);
      break;
    case models::OutputKind::kFaceDetection:
      AddFaces(result, answer);
      break;
  }
  return JsonText(answer) + "\n";
}

// Blocks until the photo is refused, or a lane has answered it.
absl::StatusOr<pipeline::InferenceResult> Infer(pipeline::Inference& inference,
                                                const PhotoQuestion& question) {
  pipeline::InferenceRequest request;
  request.model = question.model;
  request.version = question.version;
  request.input = pipeline::ImagesInput{
      .files = {absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(question.photo.data()),
                                    question.photo.size())}};
  request.deadline = Clock::Real().Now() + PhotoInference::kTimeout;
  absl::StatusOr<pipeline::InferenceResult> result;
  absl::Notification done;
  inference.Start(request, [&](absl::StatusOr<pipeline::InferenceResult> answer) {
    result = std::move(answer);
    done.Notify();
  });
  done.WaitForNotification();
  return result;
}

}  // namespace

absl::StatusOr<std::string> PhotoInference::Run(const PhotoQuestion& question) {
  const MonotonicTime start = Clock::Real().Now();
  const absl::StatusOr<pipeline::InferenceResult> result = Infer(inference_, question);
  Count(question, result.status(), Clock::Real().Now() - start);
  SISKIN_RETURN_IF_ERROR(result.status());
  const MonotonicTime answering = Clock::Real().Now();
  std::string answer = Answer(*result);
  metrics_.OnStages(result->servable->model->name(), result->servable->model->version(),
                    result->timing, Clock::Real().Now() - answering);
  return answer;
}

// Failures are counted under the name in the question, if it can be served.
void PhotoInference::Count(const PhotoQuestion& question, const absl::Status& status,
                           absl::Duration duration) {
  const auto servable = registry_.Resolve(question.model, question.version);
  std::string_view name;
  std::string_view version;
  if (servable.ok()) {
    name = (*servable)->model->name();
    version = (*servable)->model->version();
  }
  metrics_.OnRequest(name, version, kMethod, status.code(), duration);
  if (const auto reason = RejectionOf(status); reason.has_value()) {
    metrics_.OnRejected(name, *reason);
  }
}

}  // namespace siskin::admin
