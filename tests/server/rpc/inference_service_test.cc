#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <future>
#include <numeric>
#include <string>

#include "absl/strings/str_cat.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "inference/grpc_service.grpc.pb.h"
#include "tests/fakes/tiny_model.h"
#include "tests/server/rpc/rpc_fixture.h"

namespace siskin::rpc {
namespace {

using siskin::testing::kTinyAnchors;
using siskin::testing::kTinyFaceOutputs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class InferenceServiceTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    stub_ = ::inference::GRPCInferenceService::NewStub(Connect());
  }

  std::future<grpc::Status> Infer(::inference::ModelInferRequest request) {
    return std::async(std::launch::async, [this, request = std::move(request)] {
      return stub_->ModelInfer(&context_, request, &response_);
    });
  }

  ::inference::ModelInferRequest Request(const char* datatype, int images) {
    ::inference::ModelInferRequest request;
    request.set_model_name("tiny");
    request.set_id("my request");
    auto& input = *request.add_inputs();
    input.set_name("input");
    input.set_datatype(datatype);
    for (const int dimension : {images, 3, model_->input().height, model_->input().width}) {
      input.add_shape(dimension);
    }
    return request;
  }

  ::inference::ModelInferRequest RawRequest(int images) {
    ::inference::ModelInferRequest request = Request("FP32", images);
    request.add_raw_input_contents(FloatTensor(images));
    return request;
  }

  static std::vector<float> Floats(const std::string& raw) {
    std::vector<float> values(raw.size() / sizeof(float));
    std::memcpy(values.data(), raw.data(), raw.size());
    return values;
  }

  // What a lane would compute with.
  std::vector<float> Prepared(engine::InferenceTask& task) {
    const models::InputContract& input = model_->input();
    std::vector<float> image(static_cast<size_t>(3 * input.height * input.width));
    EXPECT_TRUE(task.Prepare(absl::MakeSpan(image)).ok());
    return image;
  }

  grpc::ClientContext context_;
  std::unique_ptr<::inference::GRPCInferenceService::Stub> stub_;
  ::inference::ModelInferResponse response_;
};

TEST_F(InferenceServiceTest, ServerIsLiveAndReady) {
  ::inference::ServerLiveResponse live;
  EXPECT_TRUE(stub_->ServerLive(&context_, {}, &live).ok());
  EXPECT_TRUE(live.live());

  grpc::ClientContext before, after;
  ::inference::ServerReadyResponse ready;
  EXPECT_TRUE(stub_->ServerReady(&before, {}, &ready).ok());
  EXPECT_TRUE(ready.ready());
  health_.SetDraining();
  EXPECT_TRUE(stub_->ServerReady(&after, {}, &ready).ok());
  EXPECT_FALSE(ready.ready());
  // One call is counted while the next one is on its way.
  EXPECT_THAT(metrics_.WaitForRequests(3),
              ::testing::UnorderedElementsAre(
                  FakeMetrics::Request{"", "", "ServerLive", absl::StatusCode::kOk},
                  FakeMetrics::Request{"", "", "ServerReady", absl::StatusCode::kOk},
                  FakeMetrics::Request{"", "", "ServerReady", absl::StatusCode::kOk}));
}

TEST_F(InferenceServiceTest, ModelReadyIsFalseForStrangers) {
  const struct {
    const char* name;
    const char* version;
    bool ready;
  } rows[] = {{"tiny", "", true}, {"tiny", "1", true}, {"tiny", "2", false}, {"x", "", false}};
  for (const auto& row : rows) {
    grpc::ClientContext context;
    ::inference::ModelReadyRequest request;
    request.set_name(row.name);
    request.set_version(row.version);
    ::inference::ModelReadyResponse response;
    EXPECT_TRUE(stub_->ModelReady(&context, request, &response).ok());
    EXPECT_EQ(response.ready(), row.ready) << row.name << " " << row.version;
  }
}

TEST_F(InferenceServiceTest, DescribesTheServer) {
  ::inference::ServerMetadataResponse response;
  ASSERT_TRUE(stub_->ServerMetadata(&context_, {}, &response).ok());
  EXPECT_EQ(response.name(), "siskin");
  EXPECT_THAT(response.version(), ::testing::MatchesRegex("[0-9]+[.][0-9]+[.][0-9]+"));
  EXPECT_THAT(response.extensions(), ElementsAre("classification", "binary_tensor_data"));
}

TEST_F(InferenceServiceTest, DescribesAModel) {
  ::inference::ModelMetadataRequest request;
  request.set_name("tiny");
  ::inference::ModelMetadataResponse response;
  ASSERT_TRUE(stub_->ModelMetadata(&context_, request, &response).ok());
  EXPECT_EQ(response.name(), "tiny");
  EXPECT_THAT(response.versions(), ElementsAre("1"));
  EXPECT_EQ(response.platform(), "siskin_onednn");
  ASSERT_EQ(response.inputs_size(), 1);
  EXPECT_EQ(response.inputs(0).name(), "input");
  EXPECT_EQ(response.inputs(0).datatype(), "FP32");
  EXPECT_THAT(response.inputs(0).shape(),
              ElementsAre(-1, 3, model_->input().height, model_->input().width));
  ASSERT_EQ(response.outputs_size(), 2);
  EXPECT_EQ(response.outputs(0).name(), "logits");
  EXPECT_EQ(response.outputs(1).name(), "probabilities");
  EXPECT_THAT(response.outputs(1).shape(), ElementsAre(-1, kClasses));

  grpc::ClientContext unknown;
  request.set_name("x");
  const grpc::Status status = stub_->ModelMetadata(&unknown, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("Request for unknown model: 'x'"));
}

TEST_F(InferenceServiceTest, AFaceDetectorHasScoresAndBoxes) {
  ServeFaces();
  ::inference::ModelMetadataRequest request;
  request.set_name("faces");
  ::inference::ModelMetadataResponse metadata;
  ASSERT_TRUE(stub_->ModelMetadata(&context_, request, &metadata).ok());
  ASSERT_EQ(metadata.outputs_size(), 2);
  EXPECT_EQ(metadata.outputs(0).name(), "scores");
  EXPECT_THAT(metadata.outputs(0).shape(), ElementsAre(-1, kTinyAnchors, 1));
  EXPECT_EQ(metadata.outputs(1).name(), "boxes");
  EXPECT_THAT(metadata.outputs(1).shape(), ElementsAre(-1, kTinyAnchors, 16));
}

TEST_F(InferenceServiceTest, InfersRawScoresAndBoxes) {
  ServeFaces();
  ::inference::ModelInferRequest request = RawRequest(2);
  request.set_model_name("faces");
  auto status = Infer(request);
  std::vector<float> answers[2] = {std::vector<float>(kTinyFaceOutputs),
                                   std::vector<float>(kTinyFaceOutputs)};
  std::iota(answers[0].begin(), answers[0].end(), 0.0f);
  std::iota(answers[1].begin(), answers[1].end(), 5000.0f);
  for (const std::vector<float>& answer : answers) TakeTask()->Complete(answer, {.batch_size = 1});
  ASSERT_TRUE(status.get().ok());

  ASSERT_EQ(response_.outputs_size(), 2);
  EXPECT_THAT(response_.outputs(0).shape(), ElementsAre(2, kTinyAnchors, 1));
  EXPECT_THAT(response_.outputs(1).shape(), ElementsAre(2, kTinyAnchors, 16));
  std::vector<float> scores, boxes;
  for (const std::vector<float>& answer : answers) {
    scores.insert(scores.end(), answer.begin(), answer.begin() + kTinyAnchors);
    boxes.insert(boxes.end(), answer.begin() + kTinyAnchors, answer.end());
  }
  EXPECT_EQ(Floats(response_.raw_output_contents(0)), scores);
  EXPECT_EQ(Floats(response_.raw_output_contents(1)), boxes);
}

TEST_F(InferenceServiceTest, OutputsOfAnotherTaskAreRefused) {
  ServeFaces();
  ::inference::ModelInferRequest request = RawRequest(1);
  request.set_model_name("faces");
  request.add_outputs()->set_name("logits");
  const grpc::Status status = Infer(request).get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("expected 'scores' or 'boxes'"));
}

TEST_F(InferenceServiceTest, InfersABatch) {
  auto status = Infer(RawRequest(2));
  auto first = TakeTask();
  auto second = TakeTask();
  Complete(std::move(second), 6);
  Complete(std::move(first), 2);
  ASSERT_TRUE(status.get().ok());

  EXPECT_EQ(response_.model_name(), "tiny");
  EXPECT_EQ(response_.model_version(), "1");
  EXPECT_EQ(response_.id(), "my request");
  EXPECT_EQ(response_.parameters().at("compute_us").int64_param(), 30);
  EXPECT_EQ(response_.parameters().at("queue_us").int64_param(), 10);
  EXPECT_EQ(response_.parameters().at("decode_us").int64_param(), 40);
  EXPECT_EQ(response_.parameters().at("batch_size").int64_param(), 2);
  EXPECT_THAT(response_.parameters().at("warning").string_param(), HasSubstr("random weights"));
  ASSERT_EQ(response_.outputs_size(), 2);
  ASSERT_EQ(response_.raw_output_contents_size(), 2);
  for (const auto& output : response_.outputs()) {
    EXPECT_EQ(output.datatype(), "FP32");
    EXPECT_THAT(output.shape(), ElementsAre(2, kClasses));
    EXPECT_FALSE(output.has_contents());
  }
  std::vector<float> expected = Logits(2);
  const std::vector<float> other = Logits(6);
  expected.insert(expected.end(), other.begin(), other.end());
  EXPECT_EQ(Floats(response_.raw_output_contents(0)), expected);
  const std::vector<float> probabilities = Floats(response_.raw_output_contents(1));
  ASSERT_EQ(probabilities.size(), 2u * kClasses);
  EXPECT_NEAR(std::accumulate(probabilities.begin() + kClasses, probabilities.end(), 0.0), 1, 1e-5);
  EXPECT_NEAR(probabilities[kClasses + 6], 0.63212, 1e-4);
  EXPECT_THAT(metrics_.WaitForRequests(1),
              ElementsAre(FakeMetrics::Request{"tiny", "1", "ModelInfer", absl::StatusCode::kOk}));
}

TEST_F(InferenceServiceTest, ClassifiesOnRequest) {
  ::inference::ModelInferRequest request = RawRequest(2);
  for (const char* name : {"probabilities", "logits"}) {
    auto& output = *request.add_outputs();
    output.set_name(name);
    (*output.mutable_parameters())["classification"].set_int64_param(2);
  }
  auto status = Infer(request);
  Complete(TakeTask(), 3);
  Complete(TakeTask(), 0);
  ASSERT_TRUE(status.get().ok());

  ASSERT_EQ(response_.outputs_size(), 2);
  EXPECT_EQ(response_.outputs(0).name(), "probabilities");
  EXPECT_EQ(response_.outputs(0).datatype(), "BYTES");
  EXPECT_THAT(response_.outputs(0).shape(), ElementsAre(2, 2));
  std::string expected;
  for (const char* element :
       {"10.000000:3:label 3", "9.000000:4:label 4", "10.000000:0:label 0", "9.000000:1:label 1"}) {
    expected += std::string{static_cast<char>(std::strlen(element)), 0, 0, 0} + element;
  }
  EXPECT_EQ(response_.raw_output_contents(1), expected);
  EXPECT_THAT(response_.raw_output_contents(0), HasSubstr("0.632149:3:label 3"));
}

TEST_F(InferenceServiceTest, ClassificationIsBoundedByTheClasses) {
  ::inference::ModelInferRequest request = RawRequest(1);
  auto& output = *request.add_outputs();
  output.set_name("probabilities");
  (*output.mutable_parameters())["classification"].set_int64_param(1'000'000'000'000);
  auto status = Infer(request);
  Complete(TakeTask(), 0);
  ASSERT_TRUE(status.get().ok());
  EXPECT_THAT(response_.outputs(0).shape(), ElementsAre(1, kClasses));
}

TEST_F(InferenceServiceTest, TypedFloatsReachTheLane) {
  ::inference::ModelInferRequest request = Request("FP32", 1);
  std::vector<float> values(
      static_cast<size_t>(3 * model_->input().height * model_->input().width));
  std::iota(values.begin(), values.end(), -5.0f);
  request.mutable_inputs(0)->mutable_contents()->mutable_fp32_contents()->Add(values.begin(),
                                                                              values.end());
  auto status = Infer(request);
  auto task = TakeTask();
  EXPECT_EQ(Prepared(*task), values);
  Complete(std::move(task), 0);
  EXPECT_TRUE(status.get().ok());
}

TEST_F(InferenceServiceTest, PixelsAreNormalisedOnTheLane) {
  ::inference::ModelInferRequest request = Request("UINT8", 1);
  const auto count = static_cast<size_t>(3 * model_->input().height * model_->input().width);
  for (size_t i = 0; i < count; ++i) {
    request.mutable_inputs(0)->mutable_contents()->add_uint_contents(100);
  }
  auto status = Infer(request);
  auto task = TakeTask();
  const std::vector<float> image = Prepared(*task);
  EXPECT_NEAR(image[0], (100 - model_->input().mean[0]) / model_->input().std[0], 1e-5);
  Complete(std::move(task), 0);
  EXPECT_TRUE(status.get().ok());
}

TEST_F(InferenceServiceTest, RefusesBatchesOverTheLimit) {
  const grpc::Status status = Infer(RawRequest(kMaxImages + 1)).get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(InferenceServiceTest, RefusesWrongRequestsAndCountsThem) {
  ::inference::ModelInferRequest request = RawRequest(1);
  request.mutable_inputs(0)->set_name("INPUT0");
  EXPECT_EQ(Infer(request).get().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(metrics_.WaitForRequests(1),
              ElementsAre(FakeMetrics::Request{"tiny", "1", "ModelInfer",
                                               absl::StatusCode::kInvalidArgument}));
}

TEST_F(InferenceServiceTest, AnImageThatIsNoneIsRefused) {
  ::inference::ModelInferRequest request = Request("BYTES", 1);
  request.mutable_inputs(0)->mutable_shape()->Truncate(1);
  request.mutable_inputs(0)->mutable_contents()->add_bytes_contents("this is text");
  EXPECT_EQ(Infer(request).get().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(InferenceServiceTest, OtherRpcsOfTritonAreUnimplemented) {
  grpc::GenericStub generic(Connect());
  for (const char* method : {"ModelConfig", "ModelStatistics", "RepositoryIndex",
                             "RepositoryModelLoad", "ModelStreamInfer", "TraceSetting"}) {
    grpc::ClientContext context;
    const grpc::Slice empty("");
    const grpc::ByteBuffer request(&empty, 1);
    grpc::ByteBuffer response;
    std::promise<grpc::Status> status;
    generic.UnaryCall(&context, absl::StrCat("/inference.GRPCInferenceService/", method), {},
                      &request, &response,
                      [&status](grpc::Status result) { status.set_value(std::move(result)); });
    EXPECT_EQ(status.get_future().get().error_code(), grpc::StatusCode::UNIMPLEMENTED) << method;
  }
}

}  // namespace
}  // namespace siskin::rpc
