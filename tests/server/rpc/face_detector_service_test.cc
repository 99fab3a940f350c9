#include "server/rpc/face_detector_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/client_context.h"
#include "siskin/v1/face_detector.grpc.pb.h"
#include "tests/fakes/one_pixel_png.h"
#include "tests/fakes/tiny_model.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace siskin::rpc {
namespace {

using siskin::testing::kOnePixelPng;
using siskin::testing::TinyFaceOutputs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FaceDetectorServiceTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    ServeFaces();
  }

  // A call in the background, for the test is the lane.
  std::future<grpc::Status> Detect(v1::DetectRequest request) {
    return std::async(std::launch::async, [this, request = std::move(request)] {
      grpc::ClientContext context;
      return v1::FaceDetector::NewStub(Connect())->Detect(&context, request, &response_);
    });
  }

  static v1::DetectRequest PhotoRequest() {
    v1::DetectRequest request;
    request.set_model("faces");
    request.set_image(std::string(std::begin(kOnePixelPng), std::end(kOnePixelPng)));
    return request;
  }

  // What a lane does, but for the network.
  static void Answer(std::unique_ptr<engine::InferenceTask> task) {
    using siskin::testing::kTinyPixels;
    std::vector<float> planes(size_t{3} * kTinyPixels);
    EXPECT_TRUE(task->Prepare(absl::MakeSpan(planes)).ok());
    task->Complete(TinyFaceOutputs(), {.queue = absl::Microseconds(10),
                                       .prepare = absl::Microseconds(20),
                                       .compute = absl::Microseconds(30),
                                       .batch_size = 2});
  }

  v1::DetectResponse response_;
};

TEST_F(FaceDetectorServiceTest, AnswersWithFacesInPixelsOfThePhoto) {
  v1::DetectRequest request = PhotoRequest();
  request.set_id("my request");
  auto status = Detect(request);
  Answer(TakeTask());
  ASSERT_TRUE(status.get().ok());

  EXPECT_EQ(response_.model(), "faces");
  EXPECT_EQ(response_.version(), "1");
  EXPECT_EQ(response_.id(), "my request");
  EXPECT_EQ(response_.warning(), "");
  EXPECT_EQ(response_.image_width(), 1u);
  EXPECT_EQ(response_.image_height(), 1u);
  ASSERT_EQ(response_.faces_size(), 1);
  const v1::Face& face = response_.faces(0);
  EXPECT_FLOAT_EQ(face.box().xmin(), 0.625f);
  EXPECT_FLOAT_EQ(face.box().xmax(), 0.875f);
  EXPECT_FLOAT_EQ(face.box().ymin(), 0.1875f);
  EXPECT_FLOAT_EQ(face.box().ymax(), 0.3125f);
  EXPECT_FLOAT_EQ(face.key_points().right_eye().x(), 0.75f);
  EXPECT_FLOAT_EQ(face.key_points().left_ear().y(), 0.25f);
  EXPECT_NEAR(face.score(), 0.99331, 1e-5);
  EXPECT_EQ(response_.timing().queue().nanos(), 10'000);
  EXPECT_EQ(response_.timing().decode().nanos(), 20'000);
  EXPECT_EQ(response_.timing().compute().nanos(), 30'000);
  EXPECT_EQ(response_.timing().batch_size(), 2u);

  EXPECT_THAT(metrics_.WaitForRequests(1),
              ElementsAre(FakeMetrics::Request{"faces", "1", "Detect", absl::StatusCode::kOk}));
  EXPECT_EQ(metrics_.stages(), 1);
}

TEST_F(FaceDetectorServiceTest, WithoutANameTheOnlyFaceDetectorAnswers) {
  v1::DetectRequest request = PhotoRequest();
  request.clear_model();
  auto status = Detect(request);
  Answer(TakeTask());
  ASSERT_TRUE(status.get().ok());
  EXPECT_EQ(response_.model(), "faces");
}

TEST_F(FaceDetectorServiceTest, MinScoreDecidesWhatIsAFace) {
  v1::DetectRequest request = PhotoRequest();
  request.set_min_score(0.995f);
  auto status = Detect(request);
  Answer(TakeTask());
  ASSERT_TRUE(status.get().ok());
  EXPECT_EQ(response_.faces_size(), 0);
}

TEST_F(FaceDetectorServiceTest, MaxFacesLimitsTheAnswer) {
  v1::DetectRequest request = PhotoRequest();
  request.set_min_score(1e-6f);
  request.set_max_faces(2);
  auto status = Detect(request);
  Answer(TakeTask());
  ASSERT_TRUE(status.get().ok());
  EXPECT_EQ(response_.faces_size(), 2);
}

TEST_F(FaceDetectorServiceTest, RefusesScoresThatAreNone) {
  for (const float score : {-0.1f, 1.5f, std::numeric_limits<float>::quiet_NaN()}) {
    v1::DetectRequest request = PhotoRequest();
    request.set_min_score(score);
    const grpc::Status status = Detect(request).get();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << score;
    EXPECT_THAT(status.error_message(), HasSubstr("min_score from 0 to 1"));
  }
  EXPECT_EQ(metrics_.WaitForRequests(3)[2],
            (FakeMetrics::Request{"faces", "1", "Detect", absl::StatusCode::kInvalidArgument}));
}

TEST_F(FaceDetectorServiceTest, RefusesToDetectWithAClassifier) {
  v1::DetectRequest request = PhotoRequest();
  request.set_model("tiny");
  const grpc::Status status = Detect(request).get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(),
            "model 'tiny' is a classifier, the request needs a face detector");
}

TEST_F(FaceDetectorServiceTest, RefusesWhatIsNoImage) {
  v1::DetectRequest request = PhotoRequest();
  request.clear_image();
  const grpc::Status status = Detect(request).get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("the image is empty"));
}

TEST_F(FaceDetectorServiceTest, RefusesLongIds) {
  v1::DetectRequest request = PhotoRequest();
  request.set_id(std::string(257, 'i'));
  EXPECT_EQ(Detect(request).get().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace siskin::rpc
