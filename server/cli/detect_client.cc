#include "server/cli/detect_client.h"

#include <utility>

#include "siskin/v1/face_detector.grpc.pb.h"

namespace siskin::cli {
namespace {

models::Point ToPoint(const v1::Point& point) { return {point.x(), point.y()}; }

models::Face ToFace(const v1::Face& face) {
  const v1::KeyPoints& points = face.key_points();
  return {.min = {face.box().xmin(), face.box().ymin()},
          .max = {face.box().xmax(), face.box().ymax()},
          .key_points = {ToPoint(points.right_eye()), ToPoint(points.left_eye()),
                         ToPoint(points.nose()), ToPoint(points.mouth()),
                         ToPoint(points.right_ear()), ToPoint(points.left_ear())},
          .score = face.score()};
}

}  // namespace

std::function<Detected(const std::string& file)> MakeFaceDetector(
    const std::shared_ptr<grpc::Channel>& channel, CallOptions options, DetectOptions detect) {
  const std::shared_ptr<v1::FaceDetector::Stub> stub = v1::FaceDetector::NewStub(channel);
  return [stub, options = std::move(options), detect](const std::string& file) {
    Detected outcome;
    outcome.file = file;
    v1::DetectRequest request;
    request.set_min_score(detect.min_score);
    request.set_max_faces(static_cast<uint32_t>(detect.max_faces));
    const auto response = CallWithPhoto<v1::DetectRequest, v1::DetectResponse>(
        options, std::move(request),
        [&stub](auto* context, const auto& sent, auto* received) {
          return stub->Detect(context, sent, received);
        },
        outcome);
    outcome.width = static_cast<int>(response.image_width());
    outcome.height = static_cast<int>(response.image_height());
    for (const v1::Face& face : response.faces()) outcome.faces.push_back(ToFace(face));
    return outcome;
  };
}

}  // namespace siskin::cli
