#include "server/pipeline/face_detection.h"

#include "server/pipeline/preprocess.h"

namespace siskin::pipeline {
namespace {

using models::Face;
using models::Point;

Point ToPhoto(const Point& point, const PhotoRegion& region) {
  return {static_cast<float>(region.left + point.x * region.width),
          static_cast<float>(region.top + point.y * region.height)};
}

Face ToPhoto(Face face, const PhotoRegion& region) {
  face.min = ToPhoto(face.min, region);
  face.max = ToPhoto(face.max, region);
  for (Point& point : face.key_points) point = ToPhoto(point, region);
  return face;
}

}  // namespace

std::vector<Face> DetectFaces(const InferenceResult& result, const FaceOptions& options) {
  const engine::LoadedModel& model = *result.servable->model;
  const models::FaceContract& contract = model.spec().faces;
  const float min_score = options.min_score > 0 ? options.min_score : contract.score_threshold;
  std::vector<Face> faces = models::BlendFaces(
      models::DecodeFaces(result.outputs, contract, model.input().width, min_score),
      contract.min_iou);
  if (options.max_faces > 0 && faces.size() > options.max_faces) faces.resize(options.max_faces);
  const PhotoRegion region = InputRegion(result.sizes.front(), model.input());
  for (Face& face : faces) face = ToPhoto(face, region);
  return faces;
}

}  // namespace siskin::pipeline
