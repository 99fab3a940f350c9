#include "models/face_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "models/catalog.h"
#include "ops/checkpoint.h"
#include "tests/fakes/shared_data.h"

namespace siskin::models {
namespace {

using siskin::testing::SharedPath;
using ::testing::IsEmpty;
using ::testing::SizeIs;

float Sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

// A box, with all key points in its upper left corner.
Face MakeFace(float left, float top, float right, float bottom, float score) {
  Face face = {.min = {left, top}, .max = {right, bottom}, .key_points = {}, .score = score};
  face.key_points.fill(face.min);
  return face;
}

TEST(MakeAnchorsTest, LieInTheCentresOfTheCellsGridAfterGrid) {
  const std::vector<Point> anchors =
      MakeAnchors({.grids = {{.stride = 8, .anchors = 2}, {.stride = 24, .anchors = 3}}}, 24);
  ASSERT_THAT(anchors, SizeIs(3 * 3 * 2 + 3));
  const struct {
    size_t index;
    float x, y;
  } rows[] = {{0, 1 / 6.f, 1 / 6.f}, {1, 1 / 6.f, 1 / 6.f}, {2, 3 / 6.f, 1 / 6.f},
              {5, 5 / 6.f, 1 / 6.f}, {6, 1 / 6.f, 3 / 6.f}, {17, 5 / 6.f, 5 / 6.f},
              {18, .5f, .5f},        {20, .5f, .5f}};
  for (const auto& [index, x, y] : rows) {
    EXPECT_FLOAT_EQ(anchors[index].x, x) << index;
    EXPECT_FLOAT_EQ(anchors[index].y, y) << index;
  }
}

TEST(MakeAnchorsTest, AStartedCellCounts) {
  EXPECT_THAT(MakeAnchors({.grids = {{.stride = 8}}}, 25), SizeIs(16));
}

// Two anchors in the middle of 16 x 16 pixels.
class DecodeFacesTest : public ::testing::Test {
 protected:
  DecodeFacesTest() {
    for (size_t i = 0; i < kBoxNumbers; ++i) {
      outputs_[2 + i] = static_cast<float>(i) - 4;            // of the first anchor
      outputs_[2 + kBoxNumbers + i] = static_cast<float>(i);  // of the second
    }
  }

  std::vector<Face> Decode(float first_score, float second_score, float min_score) {
    outputs_[0] = first_score;
    outputs_[1] = second_score;
    return DecodeFaces(outputs_, contract_, /*input_size=*/16, min_score);
  }

  FaceContract contract_ = {.grids = {{.stride = 16, .anchors = 2}}, .score_clip = 3};
  std::vector<float> outputs_ = std::vector<float>(2 + 2 * kBoxNumbers);
};

TEST_F(DecodeFacesTest, NumbersArePixelsFromTheAnchor) {
  const std::vector<Face> faces = Decode(-1, 1, 0.5f);
  ASSERT_THAT(faces, SizeIs(1));
  // Centre (0, 1), size 2 x 3, key points (4, 5), (6, 7), ...
  EXPECT_FLOAT_EQ(faces[0].min.x, .5f + (0 - 1) / 16.f);
  EXPECT_FLOAT_EQ(faces[0].min.y, .5f + (1 - 1.5f) / 16.f);
  EXPECT_FLOAT_EQ(faces[0].max.x, .5f + (0 + 1) / 16.f);
  EXPECT_FLOAT_EQ(faces[0].max.y, .5f + (1 + 1.5f) / 16.f);
  for (int k = 0; k < 6; ++k) {
    EXPECT_FLOAT_EQ(faces[0].key_points[k].x, .5f + static_cast<float>(4 + 2 * k) / 16.f);
    EXPECT_FLOAT_EQ(faces[0].key_points[k].y, .5f + static_cast<float>(5 + 2 * k) / 16.f);
  }
  EXPECT_FLOAT_EQ(faces[0].score, Sigmoid(1));
}

TEST_F(DecodeFacesTest, RawScoresAreClipped) {
  const std::vector<Face> faces = Decode(8000, -8000, 0);
  ASSERT_THAT(faces, SizeIs(2));
  EXPECT_FLOAT_EQ(faces[0].score, Sigmoid(3));
  EXPECT_FLOAT_EQ(faces[1].score, Sigmoid(-3));
}

TEST_F(DecodeFacesTest, TheThresholdItselfCounts) {
  EXPECT_THAT(Decode(0, 0, 0.5f), SizeIs(2));
  EXPECT_THAT(Decode(0, 0, 0.50001f), IsEmpty());
}

TEST_F(DecodeFacesTest, WhatIsNoNumberIsNoFace) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(Decode(nan, nan, 0), IsEmpty());
}

TEST(BlendFacesTest, NothingGivesNothing) { EXPECT_THAT(BlendFaces({}, 0.3f), IsEmpty()); }

TEST(BlendFacesTest, OverlappingBoxesBecomeTheirWeightedMean) {
  const std::vector<Face> faces = BlendFaces(
      {MakeFace(0, 0, 4, 4, 0.25f), MakeFace(9, 9, 11, 11, 0.6f), MakeFace(1, 0, 5, 4, 0.75f)},
      0.3f);
  ASSERT_THAT(faces, SizeIs(2));
  EXPECT_FLOAT_EQ(faces[0].min.x, 9);
  EXPECT_FLOAT_EQ(faces[0].score, 0.6f);
  // 0.25 of one and 0.75 of the other; the score is their plain mean, which puts it second.
  EXPECT_FLOAT_EQ(faces[1].min.x, 0.75f);
  EXPECT_FLOAT_EQ(faces[1].max.x, 4.75f);
  EXPECT_FLOAT_EQ(faces[1].max.y, 4);
  for (const Point& point : faces[1].key_points) EXPECT_FLOAT_EQ(point.x, 0.75f);
  EXPECT_FLOAT_EQ(faces[1].score, 0.5f);
}

TEST(BlendFacesTest, OverlapIsMeasuredFromTheBestBoxAlone) {
  // Each overlaps its neighbour by half an area, an IoU of 1/3.
  const std::vector<Face> chain = {MakeFace(0, 0, 2, 1, 0.9f), MakeFace(1, 0, 3, 1, 0.8f),
                                   MakeFace(2, 0, 4, 1, 0.7f)};
  const std::vector<Face> faces = BlendFaces(chain, 0.3f);
  ASSERT_THAT(faces, SizeIs(2));
  EXPECT_FLOAT_EQ(faces[0].score, 0.85f);
  EXPECT_FLOAT_EQ(faces[1].score, 0.7f);
  EXPECT_THAT(BlendFaces(chain, 0.34f), SizeIs(3));
}

TEST(BlendFacesTest, BoxesWithoutAreaEndTheLoopToo) {
  EXPECT_THAT(BlendFaces({MakeFace(1, 1, 1, 1, 0.5f), MakeFace(1, 1, 1, 1, 0.5f),
                          MakeFace(3, 3, 2, 2, 0.5f)},
                         0.3f),
              SizeIs(3));
}

class GoldenFacesTest : public ::testing::TestWithParam<const char*> {
 protected:
  static std::vector<float> Read(const std::string& file, const std::string& key) {
    const auto checkpoint = ops::Checkpoint::Open(SharedPath(file));
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
    const auto data = checkpoint->Read(key);
    EXPECT_TRUE(data.ok()) << data.status();
    return {data->values().begin(), data->values().end()};
  }

  const ModelSpec& spec_ = *FindArchitecture(GetParam());
};

TEST_P(GoldenFacesTest, AnchorsAreThoseOfTheWeightFile) {
  const std::string file = "models/" + std::string(GetParam()) + "/model.safetensors";
  SISKIN_SKIP_WITHOUT_SHARED(file);
  const std::vector<float> expected = Read(file, "anchors");  // x, y, width 1, height 1
  const std::vector<Point> anchors = MakeAnchors(spec_.faces, spec_.resolution);
  ASSERT_EQ(expected.size(), 4 * anchors.size());
  for (size_t i = 0; i < anchors.size(); ++i) {
    EXPECT_EQ(anchors[i].x, expected[4 * i]) << i;
    EXPECT_EQ(anchors[i].y, expected[4 * i + 1]) << i;
  }
}

TEST_P(GoldenFacesTest, FacesAreThoseOfTheReference) {
  const std::string file = "models/golden/" + std::string(GetParam()) + ".safetensors";
  SISKIN_SKIP_WITHOUT_SHARED(file);
  const std::vector<float> scores = Read(file, "scores");
  const std::vector<float> boxes = Read(file, "boxes");
  for (size_t image = 0; image < 2; ++image) {
    const size_t anchors = scores.size() / 2;
    std::vector<float> outputs(scores.begin() + image * anchors,
                               scores.begin() + (image + 1) * anchors);
    outputs.insert(outputs.end(), boxes.begin() + image * anchors * kBoxNumbers,
                   boxes.begin() + (image + 1) * anchors * kBoxNumbers);
    const std::vector<Face> faces =
        BlendFaces(DecodeFaces(outputs, spec_.faces, spec_.resolution, spec_.faces.score_threshold),
                   spec_.faces.min_iou);
    // Rows of ymin, xmin, ymax, xmax, six points as x and y, score.
    const std::vector<float> rows = Read(file, "detections_" + std::to_string(image));
    ASSERT_EQ(rows.size(), 17 * faces.size());
    for (const Face& face : faces) {
      const float values[] = {face.min.y, face.min.x, face.max.y, face.max.x};
      size_t row = 0;
      while (row < rows.size() && std::abs(rows[row + 16] - face.score) > 1e-4) row += 17;
      ASSERT_LT(row, rows.size()) << "no face of score " << face.score;
      for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(values[i], rows[row + i], 1e-5);
      for (size_t k = 0; k < 6; ++k) {
        EXPECT_NEAR(face.key_points[k].x, rows[row + 4 + 2 * k], 1e-5);
        EXPECT_NEAR(face.key_points[k].y, rows[row + 5 + 2 * k], 1e-5);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Detectors, GoldenFacesTest,
                         ::testing::Values("blazeface_front", "blazeface_back"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace siskin::models
