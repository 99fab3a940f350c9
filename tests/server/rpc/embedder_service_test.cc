#include "server/rpc/embedder_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/client_context.h"
#include "siskin/v1/embedder.grpc.pb.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace siskin::rpc {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class EmbedderServiceTest : public RpcTest {
 protected:
  // A call in the background, for the test is the lane.
  std::future<grpc::Status> Embed(v1::EmbedRequest request) {
    return std::async(std::launch::async, [this, request = std::move(request)] {
      grpc::ClientContext context;
      return v1::Embedder::NewStub(Connect())->Embed(&context, request, &response_);
    });
  }

  v1::EmbedRequest TensorRequest() {
    v1::EmbedRequest request;
    request.set_model("tiny");
    request.mutable_tensor()->set_data_type(v1::Tensor::FP32);
    for (const int dimension : {3, model_->input().height, model_->input().width}) {
      request.mutable_tensor()->add_shape(dimension);
    }
    request.mutable_tensor()->set_data(FloatTensor(1));
    return request;
  }

  // Features 0, ..., 0, 3, 4.
  std::vector<float> Features() {
    std::vector<float> features(static_cast<size_t>(model_->features()));
    features.back() = 4;
    features.end()[-2] = 3;
    return features;
  }

  v1::EmbedResponse response_;
};

TEST_F(EmbedderServiceTest, AnswersWithTheFeatures) {
  v1::EmbedRequest request = TensorRequest();
  request.set_id("my request");
  auto status = Embed(request);
  auto task = TakeTask();
  EXPECT_EQ(task->selector(), engine::OutputSelector::kFeatures);
  task->Complete(Features(), {.compute = absl::Microseconds(30), .batch_size = 2});
  ASSERT_TRUE(status.get().ok());

  EXPECT_EQ(response_.model(), "tiny");
  EXPECT_EQ(response_.version(), "1");
  EXPECT_EQ(response_.id(), "my request");
  EXPECT_THAT(response_.warning(), HasSubstr("random weights"));
  EXPECT_EQ(response_.timing().compute().nanos(), 30'000);
  EXPECT_EQ(response_.timing().batch_size(), 2u);
  EXPECT_EQ(std::vector<float>(response_.embedding().begin(), response_.embedding().end()),
            Features());
  EXPECT_THAT(metrics_.WaitForRequests(1),
              ElementsAre(FakeMetrics::Request{"tiny", "1", "Embed", absl::StatusCode::kOk}));
}

TEST_F(EmbedderServiceTest, NormalisesOnRequest) {
  v1::EmbedRequest request = TensorRequest();
  request.set_l2_normalise(true);
  auto status = Embed(request);
  TakeTask()->Complete(Features(), {.batch_size = 1});
  ASSERT_TRUE(status.get().ok());
  ASSERT_THAT(response_.embedding(), SizeIs(model_->features()));
  EXPECT_FLOAT_EQ(response_.embedding(model_->features() - 2), 0.6f);
  EXPECT_FLOAT_EQ(response_.embedding(model_->features() - 1), 0.8f);
}

TEST_F(EmbedderServiceTest, ZerosStayZeros) {
  v1::EmbedRequest request = TensorRequest();
  request.set_l2_normalise(true);
  auto status = Embed(request);
  TakeTask()->Complete(std::vector<float>(static_cast<size_t>(model_->features())),
                       {.batch_size = 1});
  ASSERT_TRUE(status.get().ok());
  EXPECT_THAT(response_.embedding(), Each(0));
}

TEST_F(EmbedderServiceTest, RefusesWhatItCannotParse) {
  v1::EmbedRequest request = TensorRequest();
  request.clear_tensor();
  const grpc::Status status = Embed(request).get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("an image or a tensor"));
}

TEST_F(EmbedderServiceTest, RefusesToEmbedWithAFaceDetector) {
  ServeFaces();
  v1::EmbedRequest request = TensorRequest();
  request.set_model("faces");
  const grpc::Status status = Embed(request).get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(),
            "model 'faces' is a face detector, the request needs a classifier");
}

}  // namespace
}  // namespace siskin::rpc
