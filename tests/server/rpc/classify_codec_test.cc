#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "server/rpc/classifier_service.h"

namespace siskin::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::ClassifyRequest TensorRequest() {
  v1::ClassifyRequest message;
  message.mutable_tensor()->set_data_type(v1::Tensor::UINT8);
  for (const int64_t dimension : {1, 2, 2, 3}) message.mutable_tensor()->add_shape(dimension);
  message.mutable_tensor()->set_data(std::string(12, '\x07'));
  return message;
}

TEST(ParseClassifyRequest, BorrowsTheImage) {
  v1::ClassifyRequest message;
  message.set_model("m");
  message.set_version("3");
  message.set_image("photo");
  const auto request = ParseClassifyRequest(message);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->model, "m");
  EXPECT_EQ(request->version, "3");
  const auto& images = std::get<pipeline::ImagesInput>(request->input);
  ASSERT_EQ(images.files.size(), 1u);
  EXPECT_EQ(static_cast<const void*>(images.files[0].data()), message.image().data());
  EXPECT_EQ(images.files[0].size(), 5u);
}

TEST(ParseClassifyRequest, BorrowsTheTensor) {
  const v1::ClassifyRequest message = TensorRequest();
  const auto request = ParseClassifyRequest(message);
  ASSERT_TRUE(request.ok()) << request.status();
  const auto& tensor = std::get<pipeline::TensorView>(request->input);
  EXPECT_EQ(tensor.type, pipeline::TensorType::kUint8);
  EXPECT_THAT(tensor.shape, ElementsAre(1, 2, 2, 3));
  EXPECT_EQ(static_cast<const void*>(tensor.bytes.data()), message.tensor().data().data());
  EXPECT_EQ(tensor.bytes.size(), 12u);
}

TEST(ParseClassifyRequest, AnIdOf256BytesFits) {
  v1::ClassifyRequest message = TensorRequest();
  message.set_id(std::string(256, 'i'));
  EXPECT_TRUE(ParseClassifyRequest(message).ok());
}

TEST(ParseClassifyRequest, SaysWhatIsWrong) {
  const struct {
    const char* name;
    std::function<void(v1::ClassifyRequest&)> spoil;
    const char* message;
  } rows[] = {
      {"no input", [](auto& m) { m.clear_input(); }, "expected an image or a tensor"},
      {"long id", [](auto& m) { m.set_id(std::string(257, 'i')); }, "at most 256 bytes, got 257"},
      {"no type", [](auto& m) { m.mutable_tensor()->clear_data_type(); }, "FP32 or UINT8, got 0"},
      {"odd type",
       [](auto& m) { m.mutable_tensor()->set_data_type(static_cast<v1::Tensor::DataType>(77)); },
       "FP32 or UINT8, got 77"},
      {"two images", [](auto& m) { m.mutable_tensor()->set_shape(0, 2); }, "got tensor.shape [2,"},
      {"five dimensions", [](auto& m) { m.mutable_tensor()->add_shape(1); }, "dimensions, got 5"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    v1::ClassifyRequest message = TensorRequest();
    row.spoil(message);
    const auto request = ParseClassifyRequest(message);
    EXPECT_EQ(request.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(request.status().message()), HasSubstr(row.message));
  }
}

}  // namespace
}  // namespace siskin::rpc
