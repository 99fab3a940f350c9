#include "server/pipeline/face_json.h"

#include <cstddef>
#include <iterator>
#include <utility>

#include "nlohmann/json.hpp"

namespace siskin::pipeline {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kKeyPoints[] = {"right_eye", "left_eye",  "nose",
                                      "mouth",     "right_ear", "left_ear"};

Json ToJson(const models::Point& point) { return {{"x", point.x}, {"y", point.y}}; }

Json ToJson(const models::Face& face) {
  Json points;
  for (size_t k = 0; k < std::size(kKeyPoints); ++k) {
    points[kKeyPoints[k]] = ToJson(face.key_points[k]);
  }
  return {
      {"score", face.score},
      {"box",
       {{"xmin", face.min.x}, {"ymin", face.min.y}, {"xmax", face.max.x}, {"ymax", face.max.y}}},
      {"key_points", std::move(points)}};
}

}  // namespace

Json FacesToJson(const std::vector<models::Face>& faces) {
  Json array = Json::array();
  for (const models::Face& face : faces) array.push_back(ToJson(face));
  return array;
}

}  // namespace siskin::pipeline
