#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/client_context.h"
#include "siskin/v1/classifier.grpc.pb.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace siskin::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ClassifierServiceTest : public RpcTest {
 protected:
  // A call in the background, for the test is the lane.
  std::future<grpc::Status> Classify(v1::ClassifyRequest request) {
    return std::async(std::launch::async, [this, request = std::move(request)] {
      return v1::Classifier::NewStub(Connect())->Classify(&context_, request, &response_);
    });
  }

  v1::ClassifyRequest TensorRequest() {
    v1::ClassifyRequest request;
    request.set_model("tiny");
    request.mutable_tensor()->set_data_type(v1::Tensor::FP32);
    for (const int dimension : {3, model_->input().height, model_->input().width}) {
      request.mutable_tensor()->add_shape(dimension);
    }
    request.mutable_tensor()->set_data(FloatTensor(1));
    return request;
  }

  grpc::ClientContext context_;
  v1::ClassifyResponse response_;
};

TEST_F(ClassifierServiceTest, AnswersWithTheBestClasses) {
  v1::ClassifyRequest request = TensorRequest();
  request.set_id("my request");
  auto status = Classify(request);
  Complete(TakeTask(), 3);
  ASSERT_TRUE(status.get().ok());

  EXPECT_EQ(response_.model(), "tiny");
  EXPECT_EQ(response_.version(), "1");
  EXPECT_EQ(response_.id(), "my request");
  EXPECT_THAT(response_.warning(), HasSubstr("random weights"));
  ASSERT_EQ(response_.classifications_size(), 5);
  for (int i = 0; i < 5; ++i) {
    const v1::Classification& classification = response_.classifications(i);
    EXPECT_EQ(classification.index(), 3u + static_cast<uint32_t>(i));
    EXPECT_EQ(classification.label(), absl::StrCat("label ", 3 + i));
  }
  // exp(10) / (exp(10) + ... + exp(1))
  EXPECT_NEAR(response_.classifications(0).probability(), 0.63212, 1e-4);
  EXPECT_EQ(response_.timing().queue().nanos(), 10'000);
  EXPECT_EQ(response_.timing().decode().nanos(), 20'000);
  EXPECT_EQ(response_.timing().compute().nanos(), 30'000);
  EXPECT_EQ(response_.timing().batch_size(), 2u);

  EXPECT_THAT(metrics_.WaitForRequests(1),
              ElementsAre(FakeMetrics::Request{"tiny", "1", "Classify", absl::StatusCode::kOk}));
  EXPECT_EQ(metrics_.stages(), 1);
  EXPECT_EQ(metrics_.received_bytes(), static_cast<int64_t>(request.ByteSizeLong()));
  EXPECT_EQ(metrics_.sent_bytes(), static_cast<int64_t>(response_.ByteSizeLong()));
  EXPECT_THAT(metrics_.rejections(), IsEmpty());
}

TEST_F(ClassifierServiceTest, TopKIsBoundedByTheClasses) {
  v1::ClassifyRequest request = TensorRequest();
  request.set_top_k(4'000'000'000);
  auto status = Classify(request);
  Complete(TakeTask(), 0);
  ASSERT_TRUE(status.get().ok());
  EXPECT_EQ(response_.classifications_size(), kClasses);
}

TEST_F(ClassifierServiceTest, AnEmptyModelNameMeansTheOnlyOne) {
  v1::ClassifyRequest request = TensorRequest();
  request.clear_model();
  auto status = Classify(request);
  Complete(TakeTask(), 0);
  ASSERT_TRUE(status.get().ok());
  EXPECT_EQ(response_.model(), "tiny");
}

TEST_F(ClassifierServiceTest, RefusesWhatItCannotParse) {
  v1::ClassifyRequest request;
  request.set_model("tiny");
  const grpc::Status status = Classify(request).get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("an image or a tensor"));
  EXPECT_THAT(metrics_.WaitForRequests(1),
              ElementsAre(FakeMetrics::Request{"tiny", "1", "Classify",
                                               absl::StatusCode::kInvalidArgument}));
  EXPECT_THAT(metrics_.rejections(), ElementsAre("tiny invalid_argument"));
  EXPECT_EQ(metrics_.received_bytes(), static_cast<int64_t>(request.ByteSizeLong()));
  EXPECT_EQ(metrics_.sent_bytes(), 0);  // an error is no message
}

TEST_F(ClassifierServiceTest, RefusesUnknownModelsUnderTheNameAskedFor) {
  v1::ClassifyRequest request = TensorRequest();
  request.set_model("nobody");
  const grpc::Status status = Classify(request).get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("Request for unknown model: 'nobody'"));
  EXPECT_THAT(
      metrics_.WaitForRequests(1),
      ElementsAre(FakeMetrics::Request{"nobody", "", "Classify", absl::StatusCode::kNotFound}));
  EXPECT_THAT(metrics_.rejections(), ElementsAre("nobody not_ready"));
}

TEST_F(ClassifierServiceTest, RefusesToClassifyWithAFaceDetector) {
  ServeFaces();
  v1::ClassifyRequest request = TensorRequest();
  request.set_model("faces");
  const grpc::Status status = Classify(request).get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(),
            "model 'faces' is a face detector, the request needs a classifier");
}

TEST_F(ClassifierServiceTest, RefusesTensorsThatDoNotFit) {
  v1::ClassifyRequest request = TensorRequest();
  request.mutable_tensor()->mutable_data()->pop_back();
  EXPECT_EQ(Classify(request).get().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ClassifierServiceTest, RefusesWhatIsNoImage) {
  v1::ClassifyRequest request;
  request.set_image("this is text");
  EXPECT_EQ(Classify(request).get().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ClassifierServiceTest, FailuresOfTheEngineCarryDetails) {
  auto status = Classify(TensorRequest());
  Fail(TakeTask(), absl::ResourceExhaustedError("full"));
  const grpc::Status failed = status.get();
  EXPECT_EQ(failed.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(failed.error_details()));
  google::rpc::RetryInfo retry;
  ASSERT_EQ(details.details_size(), 2);
  EXPECT_TRUE(details.details(1).UnpackTo(&retry));
}

TEST_F(ClassifierServiceTest, LongMessagesFitTheTrailingMetadata) {
  std::string message;
  while (message.size() < 100'000) message += "\xE2\x82\xAC";
  auto status = Classify(TensorRequest());
  Fail(TakeTask(), absl::InvalidArgumentError(message));
  const grpc::Status failed = status.get();
  EXPECT_EQ(failed.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(failed.error_message(), ::testing::EndsWith("..."));
  EXPECT_FALSE(failed.error_details().empty());
}

TEST_F(ClassifierServiceTest, CancellationReachesTheTask) {
  auto status = Classify(TensorRequest());
  auto task = TakeTask();
  EXPECT_FALSE(task->cancelled());
  context_.TryCancel();
  WaitUntilCancelled(*task);
  Fail(std::move(task), absl::CancelledError("gone"));
  EXPECT_EQ(status.get().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_THAT(
      metrics_.WaitForRequests(1),
      ElementsAre(FakeMetrics::Request{"tiny", "1", "Classify", absl::StatusCode::kCancelled}));
}

TEST_F(ClassifierServiceTest, AnAnswerThatNobodyHearsCountsAsCancelled) {
  auto status = Classify(TensorRequest());
  auto task = TakeTask();
  context_.TryCancel();
  WaitUntilCancelled(*task);
  Complete(std::move(task), 0);
  EXPECT_EQ(status.get().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(metrics_.WaitForRequests(1)[0].code, absl::StatusCode::kCancelled);
}

TEST_F(ClassifierServiceTest, TheDeadlineReachesTheTask) {
  const auto deadline = std::chrono::system_clock::now() + std::chrono::hours(1);
  context_.set_deadline(deadline);
  auto status = Classify(TensorRequest());
  auto task = TakeTask();
  EXPECT_NEAR(absl::ToDoubleSeconds(ToWallTime(task->deadline()) - absl::FromChrono(deadline)), 0,
              60);
  Complete(std::move(task), 0);
  EXPECT_TRUE(status.get().ok());
}

TEST_F(ClassifierServiceTest, WithoutADeadlineThereIsNone) {
  auto status = Classify(TensorRequest());
  auto task = TakeTask();
  EXPECT_EQ(task->deadline(), MonotonicTime::InfiniteFuture());
  Complete(std::move(task), 0);
  EXPECT_TRUE(status.get().ok());
}

TEST_F(ClassifierServiceTest, OverLargeMessagesAreRefusedBeforeTheyAreRead) {
  StartServer({.address = "127.0.0.1:0", .max_message_bytes = 1 << 20});
  v1::ClassifyRequest request;
  request.set_image(std::string((1 << 20) + 1, 'x'));
  EXPECT_EQ(Classify(request).get().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

}  // namespace
}  // namespace siskin::rpc
