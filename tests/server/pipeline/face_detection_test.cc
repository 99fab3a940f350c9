#include "server/pipeline/face_detection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/fakes/tiny_model.h"

namespace siskin::pipeline {
namespace {

using siskin::testing::kTinyAnchors;
using siskin::testing::kTinyFaceOutputs;
using siskin::testing::kTinySide;
using siskin::testing::TinyFaceDetector;
using siskin::testing::TinyFaceOutputs;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DetectFacesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { model_ = TinyFaceDetector(); }
  static void TearDownTestSuite() { model_.reset(); }

  static InferenceResult Result(ImageSize size, std::vector<float> outputs) {
    InferenceResult result;
    result.servable = std::make_shared<engine::Servable>(engine::Servable{.model = model_});
    result.images = 1;
    result.sizes = {size};
    result.outputs = std::move(outputs);
    return result;
  }

  // Small boxes at the four places of the anchors, of these raw scores.
  static std::vector<float> FourFaces(const std::vector<float>& raw_scores) {
    std::vector<float> outputs(kTinyFaceOutputs);
    for (size_t i = 0; i < kTinyAnchors; ++i) {
      outputs[i] = i % 2 == 0 ? raw_scores[i / 2] : -9;
      outputs[kTinyAnchors + 16 * i + 2] = 2;
      outputs[kTinyAnchors + 16 * i + 3] = 2;
    }
    return outputs;
  }

  static std::shared_ptr<const engine::LoadedModel> model_;
};

std::shared_ptr<const engine::LoadedModel> DetectFacesTest::model_;

TEST_F(DetectFacesTest, CoordinatesArePixelsOfThePhoto) {
  // A square of 641 pixels, with 80 rows of black above the photo and 81 below.
  const std::vector<models::Face> faces =
      DetectFaces(Result({641, 480}, TinyFaceOutputs()), FaceOptions());
  ASSERT_THAT(faces, SizeIs(1));
  EXPECT_FLOAT_EQ(faces[0].min.x, (0.75f - 0.125f) * 641);
  EXPECT_FLOAT_EQ(faces[0].max.x, (0.75f + 0.125f) * 641);
  EXPECT_FLOAT_EQ(faces[0].min.y, (0.25f - 0.0625f) * 641 - 80);
  EXPECT_FLOAT_EQ(faces[0].max.y, (0.25f + 0.0625f) * 641 - 80);
  for (const models::Point& point : faces[0].key_points) {
    EXPECT_FLOAT_EQ(point.x, 0.75f * 641);
    EXPECT_FLOAT_EQ(point.y, 0.25f * 641 - 80);
  }
  EXPECT_NEAR(faces[0].score, 0.99331, 1e-5);
}

TEST_F(DetectFacesTest, TheModelSaysWhatCountsUnlessTheRequestDoes) {
  // Probabilities 0.73, 0.82, 0.5 and 0.88.
  const InferenceResult result = Result({kTinySide, kTinySide}, FourFaces({1, 1.5f, 0, 2}));
  EXPECT_THAT(DetectFaces(result, {}), SizeIs(2));
  EXPECT_THAT(DetectFaces(result, {.min_score = 0.7f}), SizeIs(3));
  EXPECT_THAT(DetectFaces(result, {.min_score = 0.9f}), IsEmpty());
}

TEST_F(DetectFacesTest, MaxFacesKeepsTheBest) {
  const InferenceResult result = Result({kTinySide, kTinySide}, FourFaces({2, 4, 3, 5}));
  const std::vector<models::Face> faces = DetectFaces(result, {.max_faces = 2});
  ASSERT_THAT(faces, SizeIs(2));
  EXPECT_NEAR(faces[0].score, 0.99331, 1e-5);
  EXPECT_NEAR(faces[1].score, 0.98201, 1e-5);
  EXPECT_THAT(DetectFaces(result, {.max_faces = 9}), SizeIs(4));
}

}  // namespace
}  // namespace siskin::pipeline
