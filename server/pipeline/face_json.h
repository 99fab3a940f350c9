// Faces as JSON, for the command line and the status page.
#ifndef SISKIN_SERVER_PIPELINE_FACE_JSON_H_
#define SISKIN_SERVER_PIPELINE_FACE_JSON_H_

#include <vector>

#include "models/face_decoder.h"
#include "nlohmann/json_fwd.hpp"

namespace siskin::pipeline {

// [{"score", "box" {"xmin", ...}, "key_points" {"right_eye" {"x", "y"}, ...}}], in pixels of the
// photo.
nlohmann::ordered_json FacesToJson(const std::vector<models::Face>& faces);

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_FACE_JSON_H_
