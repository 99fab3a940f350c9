// A face detector's answer -> faces in the photo.
#ifndef SISKIN_SERVER_PIPELINE_FACE_DETECTION_H_
#define SISKIN_SERVER_PIPELINE_FACE_DETECTION_H_

#include <cstddef>
#include <vector>

#include "models/face_decoder.h"
#include "server/pipeline/inference.h"

namespace siskin::pipeline {

struct FaceOptions {
  float min_score = 0;   // 0..1; 0: the model's own
  size_t max_faces = 0;  // the best ones; 0: all
};

// The faces of the only image of `result`, best first, in pixels of the upright photo, that is
// after its EXIF orientation (see PhotoRegion). A face at the border may reach beyond it.
// REQUIRES: the model is a face detector.
std::vector<models::Face> DetectFaces(const InferenceResult& result, const FaceOptions& options);

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_FACE_DETECTION_H_
