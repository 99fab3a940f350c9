#include "server/rpc/face_detector_service.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/pipeline/face_detection.h"
#include "server/rpc/v1_codec.h"

namespace siskin::rpc {
namespace {

void FillPoint(const models::Point& from, v1::Point& to) {
  to.set_x(from.x);
  to.set_y(from.y);
}

void FillFace(const models::Face& from, v1::Face& to) {
  v1::Box& box = *to.mutable_box();
  box.set_xmin(from.min.x);
  box.set_ymin(from.min.y);
  box.set_xmax(from.max.x);
  box.set_ymax(from.max.y);
  v1::KeyPoints& points = *to.mutable_key_points();
  FillPoint(from.key_points[0], *points.mutable_right_eye());
  FillPoint(from.key_points[1], *points.mutable_left_eye());
  FillPoint(from.key_points[2], *points.mutable_nose());
  FillPoint(from.key_points[3], *points.mutable_mouth());
  FillPoint(from.key_points[4], *points.mutable_right_ear());
  FillPoint(from.key_points[5], *points.mutable_left_ear());
  to.set_score(from.score);
}

absl::StatusOr<pipeline::InferenceRequest> ParseDetectRequest(const v1::DetectRequest& message) {
  SISKIN_ASSIGN_OR_RETURN(pipeline::InferenceRequest request,
                          ParseCommon(message, models::OutputKind::kFaceDetection));
  if (!(message.min_score() >= 0 && message.min_score() <= 1)) {  // so NaN is refused, too
    return absl::InvalidArgumentError(
        absl::StrCat("expected a min_score from 0 to 1, got ", message.min_score()));
  }
  request.input = pipeline::ImagesInput{.files = {BytesOf(message.image())}};
  return request;
}

// The faces of the only image of `result`.
void FillDetectResponse(const v1::DetectRequest& message, const pipeline::InferenceResult& result,
                        v1::DetectResponse& response) {
  FillCommon(message, result, response);
  const pipeline::FaceOptions options = {.min_score = message.min_score(),
                                         .max_faces = message.max_faces()};
  for (const models::Face& face : pipeline::DetectFaces(result, options)) {
    FillFace(face, *response.add_faces());
  }
  response.set_image_width(static_cast<uint32_t>(result.sizes.front().width));
  response.set_image_height(static_cast<uint32_t>(result.sizes.front().height));
}

}  // namespace

grpc::ServerUnaryReactor* FaceDetectorService::Detect(grpc::CallbackServerContext* context,
                                                      const v1::DetectRequest* message,
                                                      v1::DetectResponse* response) {
  return AnswerUnary(*context, backend_, "Detect", *message, *response, ParseDetectRequest,
                     FillDetectResponse);
}

}  // namespace siskin::rpc
