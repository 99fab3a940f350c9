// What the raw outputs of a face detector say: boxes, key points and scores.
//
// A detector looks at a square input of `input_size` pixels a side and answers, for each of n
// anchors, a raw score and the 16 numbers of a box and six key points. Outputs are n scores, then
// n * 16 box numbers, row major. Faces are in fractions of the input: (0, 0) is its upper left
// corner, (1, 1) its lower right one; a face at the border may reach beyond.
//
// Pure functions, thread-safe.
#ifndef SISKIN_MODELS_FACE_DECODER_H_
#define SISKIN_MODELS_FACE_DECODER_H_

#include <array>
#include <vector>

#include "absl/types/span.h"
#include "models/face_contract.h"

namespace siskin::models {

inline constexpr int kBoxNumbers = 16;  // of an anchor: centre, size, six points, as x and y

struct Point {
  float x = 0;
  float y = 0;
};

struct Face {
  Point min;  // upper left corner of the box
  Point max;  // lower right corner
  // Right eye, left eye, nose, mouth, right ear, left ear: right and left of the person.
  std::array<Point, 6> key_points;
  float score = 0;  // 0..1
};

// The anchors' positions, in the order of the outputs.
std::vector<Point> MakeAnchors(const FaceContract& contract, int input_size);

// A face for each anchor whose score is at least `min_score`, in the order of the anchors.
// REQUIRES: `outputs` has 1 + kBoxNumbers values an anchor.
std::vector<Face> DecodeFaces(absl::Span<const float> outputs, const FaceContract& contract,
                              int input_size, float min_score);

// The BlazeFace paper's blending, in place of non-maximum suppression: the best face and those
// whose boxes overlap its by more than `min_iou` become one, with the mean of their coordinates,
// weighted by score, and the mean of their scores; then the same for the rest. Highest score first.
std::vector<Face> BlendFaces(std::vector<Face> candidates, float min_iou);

}  // namespace siskin::models

#endif  // SISKIN_MODELS_FACE_DECODER_H_
