#include "loadtest/payload.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "loadtest/deserialize.h"
#include "siskin/v1/classifier.pb.h"

namespace siskin::loadtest {
namespace {

v1::ClassifyRequest Read(const Payload& payload) {
  grpc::ByteBuffer copy = payload.request;
  v1::ClassifyRequest request;
  EXPECT_TRUE(Deserialize(copy, request).ok());
  return request;
}

Options TensorOptions(PayloadKind kind) {
  Options options;
  options.model = "m";
  options.version = "2";
  options.payload = kind;
  options.shape = {3, 5, 7};
  return options;
}

TEST(PayloadTest, TensorsHaveTheShapeAndDiffer) {
  const auto payloads = MakePayloads(TensorOptions(PayloadKind::kFp32));
  ASSERT_TRUE(payloads.ok()) << payloads.status();
  std::set<std::string> contents;
  for (const Payload& payload : *payloads) {
    const v1::ClassifyRequest request = Read(payload);
    EXPECT_EQ(request.model(), "m");
    EXPECT_EQ(request.version(), "2");
    EXPECT_EQ(request.id(), payload.id);
    EXPECT_EQ(request.tensor().data_type(), v1::Tensor::FP32);
    ASSERT_EQ(request.tensor().shape_size(), 3);
    EXPECT_EQ(request.tensor().shape(2), 7);
    const std::string& data = request.tensor().data();
    ASSERT_EQ(data.size(), 3u * 5 * 7 * sizeof(float));
    std::vector<float> values(3 * 5 * 7);
    std::memcpy(values.data(), data.data(), data.size());
    for (float value : values) EXPECT_LE(std::abs(value), 1.0f);
    contents.insert(data);
  }
  EXPECT_GT(payloads->size(), 1u);
  EXPECT_EQ(contents.size(), payloads->size());
}

TEST(PayloadTest, TensorsAreTheSameInEveryRun) {
  const auto first = MakePayloads(TensorOptions(PayloadKind::kFp32));
  const auto second = MakePayloads(TensorOptions(PayloadKind::kFp32));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(Read(first->back()).tensor().data(), Read(second->back()).tensor().data());
}

TEST(PayloadTest, BytesUseTheirRange) {
  const auto payloads = MakePayloads(TensorOptions(PayloadKind::kUint8));
  ASSERT_TRUE(payloads.ok()) << payloads.status();
  const v1::ClassifyRequest request = Read(payloads->front());
  EXPECT_EQ(request.tensor().data_type(), v1::Tensor::UINT8);
  const std::string& data = request.tensor().data();
  ASSERT_EQ(data.size(), 3u * 5 * 7);
  EXPECT_GT(std::set<char>(data.begin(), data.end()).size(), 50u);
}

TEST(PayloadTest, ImagesAreSentAsTheyAre) {
  const std::filesystem::path path =
      std::filesystem::path(::testing::TempDir()) / "siskin_payload_test.jpg";
  const std::string content("\xff\xd8 not \0 decoded here", 21);
  std::ofstream(path, std::ios::binary) << content;
  Options options;
  options.payload = PayloadKind::kImage;
  options.images = {path.string(), path.string()};
  const auto payloads = MakePayloads(options);
  std::filesystem::remove(path);
  ASSERT_TRUE(payloads.ok()) << payloads.status();
  ASSERT_EQ(payloads->size(), 2u);
  EXPECT_EQ(Read(payloads->front()).image(), content);
  EXPECT_NE(payloads->front().id, payloads->back().id);
}

TEST(PayloadTest, AFileThatCannotBeReadIsNamed) {
  Options options;
  options.payload = PayloadKind::kImage;
  options.images = {::testing::TempDir()};  // a folder
  const auto payloads = MakePayloads(options);
  EXPECT_EQ(payloads.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(payloads.status().message().find(::testing::TempDir()), std::string::npos);
}

}  // namespace
}  // namespace siskin::loadtest
