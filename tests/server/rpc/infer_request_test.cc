#include "server/rpc/infer_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>

#include "absl/time/clock.h"

namespace siskin::rpc {
namespace {

using ::inference::ModelInferRequest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

ModelInferRequest Request(const char* datatype, std::initializer_list<int64_t> shape) {
  ModelInferRequest message;
  message.set_model_name("m");
  auto& input = *message.add_inputs();
  input.set_name("input");
  input.set_datatype(datatype);
  for (const int64_t dimension : shape) input.add_shape(dimension);
  return message;
}

ModelInferRequest RawFloats() {
  ModelInferRequest message = Request("FP32", {1, 3, 1, 1});
  message.add_raw_input_contents(std::string(12, '\0'));
  return message;
}

std::string Element(const std::string& data) {
  std::string element(4, '\0');
  element[0] = static_cast<char>(data.size());
  return element + data;
}

// Those of a classifier, and one without classes.
std::vector<OutputTensor> Outputs() {
  return {{.name = "logits", .shape = {10}, .kind = OutputTensor::Kind::kLogits},
          {.name = "probabilities", .shape = {10}, .kind = OutputTensor::Kind::kProbabilities},
          {.name = "boxes", .shape = {8, 16}}};
}

void ExpectInvalid(const ModelInferRequest& message, const char* text) {
  InferCall call;
  const absl::Status status = ParseInferRequest(message, Outputs(), call);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(text));
}

TEST(ParseInferRequest, BorrowsRawTensors) {
  ModelInferRequest message = RawFloats();
  message.set_model_version("2");
  InferCall call;
  ASSERT_TRUE(ParseInferRequest(message, Outputs(), call).ok());
  EXPECT_EQ(call.request.model, "m");
  EXPECT_EQ(call.request.version, "2");
  EXPECT_EQ(call.request.timeout, absl::InfiniteDuration());
  const auto& tensor = std::get<pipeline::TensorView>(call.request.input);
  EXPECT_EQ(tensor.type, pipeline::TensorType::kFloat32);
  EXPECT_THAT(tensor.shape, ElementsAre(1, 3, 1, 1));
  EXPECT_EQ(static_cast<const void*>(tensor.bytes.data()), message.raw_input_contents(0).data());
  ASSERT_THAT(call.outputs, SizeIs(3));
  EXPECT_EQ(call.outputs[0].tensor.name, "logits");
  EXPECT_EQ(call.outputs[1].tensor.name, "probabilities");
}

TEST(ParseInferRequest, BorrowsTypedFloats) {
  ModelInferRequest message = Request("FP32", {1, 3, 1, 1});
  for (const float value : {0.5f, -1.0f, 2.0f}) {
    message.mutable_inputs(0)->mutable_contents()->add_fp32_contents(value);
  }
  InferCall call;
  ASSERT_TRUE(ParseInferRequest(message, Outputs(), call).ok());
  const auto& tensor = std::get<pipeline::TensorView>(call.request.input);
  ASSERT_EQ(tensor.bytes.size(), 12u);
  float second = 0;
  std::memcpy(&second, tensor.bytes.data() + sizeof(float), sizeof(second));
  EXPECT_EQ(second, -1.0f);
}

TEST(ParseInferRequest, NarrowsTypedPixels) {
  ModelInferRequest message = Request("UINT8", {1, 1, 1, 3});
  for (const uint32_t value : {0u, 128u, 255u}) {
    message.mutable_inputs(0)->mutable_contents()->add_uint_contents(value);
  }
  InferCall call;
  ASSERT_TRUE(ParseInferRequest(message, Outputs(), call).ok());
  const auto& tensor = std::get<pipeline::TensorView>(call.request.input);
  EXPECT_EQ(tensor.type, pipeline::TensorType::kUint8);
  EXPECT_THAT(tensor.bytes, ElementsAre(0, 128, 255));

  message.mutable_inputs(0)->mutable_contents()->set_uint_contents(1, 256);
  ExpectInvalid(message, "0..255 in uint_contents, got 256");
}

TEST(ParseInferRequest, SplitsRawImages) {
  ModelInferRequest message = Request("BYTES", {2, 1});
  message.add_raw_input_contents(Element("photo") + Element(""));
  InferCall call;
  ASSERT_TRUE(ParseInferRequest(message, Outputs(), call).ok());
  const auto& images = std::get<pipeline::ImagesInput>(call.request.input);
  ASSERT_THAT(images.files, SizeIs(2));
  EXPECT_EQ(static_cast<const void*>(images.files[0].data()),
            message.raw_input_contents(0).data() + 4);
  EXPECT_THAT(images.files[0], SizeIs(5));
  EXPECT_THAT(images.files[1], SizeIs(0));
}

TEST(ParseInferRequest, TakesTypedImages) {
  ModelInferRequest message = Request("BYTES", {1});
  message.mutable_inputs(0)->mutable_contents()->add_bytes_contents("photo");
  InferCall call;
  ASSERT_TRUE(ParseInferRequest(message, Outputs(), call).ok());
  EXPECT_THAT(std::get<pipeline::ImagesInput>(call.request.input).files, SizeIs(1));
}

TEST(ParseInferRequest, RefusesBrokenByteTensors) {
  const struct {
    const char* name;
    std::string raw;
    const char* text;
  } rows[] = {
      {"half a length", "\x01\x02", "unexpected end of input 'input' for model 'm'"},
      {"lying length", Element("photo").substr(0, 8), "then 5 bytes, but 8 are left"},
      {"huge length",
       "\xFF\xFF\xFF\xFF"
       "x",
       "then 4294967295 bytes"},
      {"too few", Element("photo"), "Expected 2, got 1"},
      {"too many", Element("a") + Element("b") + Element("c"), "Expected 2, got 3"},
      {"empty", "", "Expected 2, got 0"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    ModelInferRequest message = Request("BYTES", {2});
    message.add_raw_input_contents(row.raw);
    ExpectInvalid(message, row.text);
  }
}

TEST(ParseInferRequest, RefusesByteTensorsOfOtherShapes) {
  for (const auto& shape : {std::initializer_list<int64_t>{}, {1, 2}, {1, 1, 1}, {-1}}) {
    ModelInferRequest message = Request("BYTES", shape);
    message.add_raw_input_contents(Element("photo"));
    ExpectInvalid(message, "for input 'input' for model 'm'. Expected");
  }
  ModelInferRequest message = Request("BYTES", {1, 2});
  message.add_raw_input_contents(Element("photo"));
  for (int i = 0; i < 100'000; ++i) message.mutable_inputs(0)->add_shape(7);
  ExpectInvalid(message, "got [1,2,7,7]");
}

TEST(ParseInferRequest, SpeaksLikeTriton) {
  const struct {
    const char* name;
    std::function<void(ModelInferRequest&)> spoil;
    const char* text;
  } rows[] = {
      {"no input", [](auto& m) { m.clear_inputs(); },
       "expected 1 inputs but got 0 inputs for model 'm'. Got input(s) []"},
      {"two inputs", [](auto& m) { m.add_inputs()->set_name("more"); },
       "expected 1 inputs but got 2 inputs for model 'm'. Got input(s) ['input','more']"},
      {"other input", [](auto& m) { m.mutable_inputs(0)->set_name("INPUT0"); },
       "unexpected inference input 'INPUT0' for model 'm'"},
      {"other type", [](auto& m) { m.mutable_inputs(0)->set_datatype("INT64"); },
       "inference input 'input' data-type is 'INT64', but model 'm' expects"},
      {"raw and typed",
       [](auto& m) { m.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1); },
       "contents field must not be specified when using raw_input_contents for 'input' for model "
       "'m'"},
      {"neither", [](auto& m) { m.clear_raw_input_contents(); },
       "unable to find data for input tensor 'input' for model 'm' in request."},
      {"two raw", [](auto& m) { m.add_raw_input_contents("more"); },
       "expected 1 raw_input_contents for 1 inputs"},
      {"wrong typed field",
       [](auto& m) {
         m.clear_raw_input_contents();
         m.mutable_inputs(0)->mutable_contents()->add_int_contents(1);
       },
       "unexpected explicit tensor data for input tensor 'input' for model 'm'"},
      {"other output", [](auto& m) { m.add_outputs()->set_name("OUTPUT0"); },
       "unexpected inference output 'OUTPUT0' for model 'm', expected 'logits' or "
       "'probabilities' or 'boxes'"},
      {"classes of an output without",
       [](auto& m) {
         auto& output = *m.add_outputs();
         output.set_name("boxes");
         (*output.mutable_parameters())["classification"].set_int64_param(3);
       },
       "output 'boxes' has no classes"},
      {"same output twice",
       [](auto& m) {
         m.add_outputs()->set_name("logits");
         m.add_outputs()->set_name("logits");
       },
       "'logits' is requested more than once"},
      {"rank", [](auto& m) { m.mutable_inputs(0)->add_shape(1); }, "dimensions, got 5"},
      {"shared memory in",
       [](auto& m) {
         (*m.mutable_inputs(0)->mutable_parameters())["shared_memory_region"].set_string_param("r");
       },
       "shared memory"},
      {"shared memory out",
       [](auto& m) {
         auto& output = *m.add_outputs();
         output.set_name("logits");
         (*output.mutable_parameters())["shared_memory_region"].set_string_param("r");
       },
       "shared memory"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    ModelInferRequest message = RawFloats();
    row.spoil(message);
    ExpectInvalid(message, row.text);
  }
}

TEST(ParseInferRequest, ReadsOutputs) {
  ModelInferRequest message = RawFloats();
  auto& output = *message.add_outputs();
  output.set_name("probabilities");
  (*output.mutable_parameters())["classification"].set_int64_param(3);
  InferCall call;
  ASSERT_TRUE(ParseInferRequest(message, Outputs(), call).ok());
  ASSERT_THAT(call.outputs, SizeIs(1));
  EXPECT_EQ(call.outputs[0].tensor.name, "probabilities");
  EXPECT_EQ(call.outputs[0].classification, 3);

  (*output.mutable_parameters())["classification"].set_int64_param(0);
  ExpectInvalid(message, "expected >= 1, got 0");
  (*output.mutable_parameters())["classification"].set_string_param("3");
  ExpectInvalid(message, "expected int64_param");
}

TEST(ParseInferRequest, ReadsTheTimeout) {
  ModelInferRequest message = RawFloats();
  (*message.mutable_parameters())["timeout"].set_int64_param(3'600'000'000);
  InferCall call;
  ASSERT_TRUE(ParseInferRequest(message, Outputs(), call).ok());
  EXPECT_EQ(call.request.timeout, absl::Hours(1));

  (*message.mutable_parameters())["timeout"].set_int64_param(0);
  InferCall unlimited;
  ASSERT_TRUE(ParseInferRequest(message, Outputs(), unlimited).ok());
  EXPECT_EQ(unlimited.request.timeout, absl::InfiniteDuration());

  (*message.mutable_parameters())["timeout"].set_int64_param(-1);
  ExpectInvalid(message, "'timeout'");
}

TEST(ParseInferRequest, ReadsThePriority) {
  ModelInferRequest message = RawFloats();
  auto& parameter = (*message.mutable_parameters())["priority"];
  const auto read = [&message] {
    InferCall call;
    EXPECT_TRUE(ParseInferRequest(message, Outputs(), call).ok());
    return call.request.priority;
  };
  parameter.set_uint64_param(UINT64_MAX);
  EXPECT_EQ(read(), UINT64_MAX);
  parameter.set_int64_param(3);
  EXPECT_EQ(read(), 3u);
  parameter.set_int64_param(-1);
  ExpectInvalid(message, "'priority'");
  parameter.set_string_param("1");
  ExpectInvalid(message, "expected uint64_param or int64_param");
  message.mutable_parameters()->erase("priority");
  EXPECT_EQ(read(), 0u);
}

}  // namespace
}  // namespace siskin::rpc
