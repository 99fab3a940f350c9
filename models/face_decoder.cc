#include "models/face_decoder.h"

#include <algorithm>
#include <cmath>

namespace siskin::models {
namespace {

// The clip keeps raw scores of thousands, which the 256-pixel detector gives, inside exp's range.
float Probability(float raw_score, float clip) {
  return 1 / (1 + std::exp(-std::clamp(raw_score, -clip, clip)));
}

// `numbers` are in pixels of the input, relative to the anchor: the box's centre, its size, then
// the key points.
Face DecodeFace(absl::Span<const float> numbers, const Point& anchor, int input_size, float score) {
  const float scale = 1 / static_cast<float>(input_size);
  const auto point = [&](size_t i) {
    return Point{numbers[i] * scale + anchor.x, numbers[i + 1] * scale + anchor.y};
  };
  const Point center = point(0);
  const float half_width = numbers[2] * scale / 2;
  const float half_height = numbers[3] * scale / 2;
  Face face = {.min = {center.x - half_width, center.y - half_height},
               .max = {center.x + half_width, center.y + half_height},
               .key_points = {},
               .score = score};
  for (size_t k = 0; k < face.key_points.size(); ++k) face.key_points[k] = point(4 + 2 * k);
  return face;
}

float Area(const Point& min, const Point& max) {
  return std::max(max.x - min.x, 0.0f) * std::max(max.y - min.y, 0.0f);
}

float IntersectionOverUnion(const Face& a, const Face& b) {
  const float intersection = Area({std::max(a.min.x, b.min.x), std::max(a.min.y, b.min.y)},
                                  {std::min(a.max.x, b.max.x), std::min(a.max.y, b.max.y)});
  return intersection / (Area(a.min, a.max) + Area(b.min, b.max) - intersection);
}

void AddWeighted(const Point& point, float weight, Point& sum) {
  sum.x += weight * point.x;
  sum.y += weight * point.y;
}

void AddWeighted(const Face& face, float weight, Face& sum) {
  AddWeighted(face.min, weight, sum.min);
  AddWeighted(face.max, weight, sum.max);
  for (size_t k = 0; k < face.key_points.size(); ++k) {
    AddWeighted(face.key_points[k], weight, sum.key_points[k]);
  }
}

// REQUIRES: at least one face, scores above 0.
Face Blend(absl::Span<const Face> faces) {
  float total = 0;
  for (const Face& face : faces) total += face.score;
  Face mean;
  for (const Face& face : faces) AddWeighted(face, face.score / total, mean);
  mean.score = total / static_cast<float>(faces.size());
  return mean;
}

void SortByScore(std::vector<Face>& faces) {
  std::stable_sort(faces.begin(), faces.end(),
                   [](const Face& a, const Face& b) { return a.score > b.score; });
}

}  // namespace

std::vector<Point> MakeAnchors(const FaceContract& contract, int input_size) {
  std::vector<Point> anchors;
  for (const FaceContract::Grid& grid : contract.grids) {
    const int cells = (input_size + grid.stride - 1) / grid.stride;
    const auto center = [cells](int cell) {
      return (static_cast<float>(cell) + 0.5f) / static_cast<float>(cells);
    };
    for (int row = 0; row < cells; ++row) {
      for (int column = 0; column < cells; ++column) {
        anchors.insert(anchors.end(), grid.anchors, {center(column), center(row)});
      }
    }
  }
  return anchors;
}

std::vector<Face> DecodeFaces(absl::Span<const float> outputs, const FaceContract& contract,
                              int input_size, float min_score) {
  const std::vector<Point> anchors = MakeAnchors(contract, input_size);
  const absl::Span<const float> boxes = outputs.subspan(anchors.size());
  std::vector<Face> faces;
  for (size_t i = 0; i < anchors.size(); ++i) {
    const float score = Probability(outputs[i], contract.score_clip);
    if (!(score >= min_score)) continue;  // nor if it is not a number
    faces.push_back(
        DecodeFace(boxes.subspan(i * kBoxNumbers, kBoxNumbers), anchors[i], input_size, score));
  }
  return faces;
}

std::vector<Face> BlendFaces(std::vector<Face> candidates, float min_iou) {
  SortByScore(candidates);
  std::vector<Face> faces;
  for (auto best = candidates.begin(); best != candidates.end();) {
    // The best one is of its own face even if its box has no area, and overlaps nothing.
    const auto rest = std::stable_partition(best + 1, candidates.end(), [&](const Face& other) {
      return IntersectionOverUnion(*best, other) > min_iou;
    });
    faces.push_back(Blend({&*best, static_cast<size_t>(rest - best)}));
    best = rest;
  }
  SortByScore(faces);
  return faces;
}

}  // namespace siskin::models
