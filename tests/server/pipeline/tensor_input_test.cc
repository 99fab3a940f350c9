#include "server/pipeline/tensor_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace siskin::pipeline {
namespace {

using models::ColorOrder;
using models::InputContract;
using ::testing::HasSubstr;

constexpr int kHeight = 5, kWidth = 7, kArea = kHeight * kWidth;
constexpr int kMaxImages = 4;

InputContract Contract() {
  InputContract contract;
  contract.height = kHeight;
  contract.width = kWidth;
  contract.mean = {1, 2, 3};
  contract.std = {2, 4, 8};
  return contract;
}

std::vector<uint8_t> Bytes(size_t size) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 37 + 11);
  return bytes;
}

TEST(TensorInputTest, AcceptsEveryLayoutOfItsType) {
  const std::vector<uint8_t> bytes = Bytes(kMaxImages * 3 * kArea * 4);
  struct Case {
    TensorType type;
    std::vector<int64_t> shape;
    int images;
  };
  for (const Case& c : std::vector<Case>{
           {TensorType::kFloat32, {3, kHeight, kWidth}, 1},
           {TensorType::kFloat32, {1, 3, kHeight, kWidth}, 1},
           {TensorType::kFloat32, {kMaxImages, 3, kHeight, kWidth}, kMaxImages},
           {TensorType::kUint8, {3, kHeight, kWidth}, 1},
           {TensorType::kUint8, {2, 3, kHeight, kWidth}, 2},
           {TensorType::kUint8, {kHeight, kWidth, 3}, 1},
           {TensorType::kUint8, {3, kHeight, kWidth, 3}, 3},
       }) {
    const size_t size = c.images * 3 * kArea * (c.type == TensorType::kFloat32 ? 4 : 1);
    const TensorView tensor = {c.type, c.shape, absl::MakeSpan(bytes).subspan(0, size)};
    const absl::StatusOr<int> images = CheckTensor(tensor, Contract(), kMaxImages);
    ASSERT_TRUE(images.ok()) << images.status();
    EXPECT_EQ(*images, c.images);
  }
}

TEST(TensorInputTest, RefusesWrongShapes) {
  for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{
           {},
           {3},
           {kHeight, kWidth},
           {3, kWidth, kHeight},
           {kHeight, kWidth, 3},  // planes only
           {1, kHeight, kWidth, 3},
           {1, 1, 3, kHeight, kWidth},
           {1, 4, kHeight, kWidth},
           {3, kHeight, -kWidth},
       }) {
    const absl::Status status =
        CheckTensor({TensorType::kFloat32, shape, {}}, Contract(), kMaxImages).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("expected [N,3,5,7], or"));
  }
  EXPECT_THAT(
      std::string(
          CheckTensor({TensorType::kUint8, {1}, {}}, Contract(), kMaxImages).status().message()),
      HasSubstr("UINT8 tensor of shape [1] does not fit the model: expected [N,3,5,7] or "
                "[N,5,7,3], or the same without N"));
}

TEST(TensorInputTest, RefusesWrongNumberOfImages) {
  for (const int64_t images : {int64_t{0}, int64_t{-1}, int64_t{kMaxImages + 1}, INT64_MAX}) {
    const TensorView tensor = {TensorType::kUint8, {images, 3, kHeight, kWidth}, {}};
    const absl::Status status = CheckTensor(tensor, Contract(), kMaxImages).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("expected 1 to 4"));
  }
}

TEST(TensorInputTest, RefusesWrongByteCounts) {
  const std::vector<uint8_t> bytes = Bytes(2 * 3 * kArea * 4 + 1);
  for (const size_t size : {size_t{0}, bytes.size() - 2, bytes.size()}) {
    const TensorView tensor = {
        TensorType::kFloat32, {2, 3, kHeight, kWidth}, absl::MakeSpan(bytes).subspan(0, size)};
    const absl::Status status = CheckTensor(tensor, Contract(), kMaxImages).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("takes 840 bytes, but " + std::to_string(size) + " came"));
  }
}

TEST(TensorInputTest, FloatsAreCopiedFromAnyAlignment) {
  std::vector<float> values(2 * 3 * kArea);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 0.25f * i - 3;
  std::vector<uint8_t> bytes(1 + values.size() * sizeof(float));
  std::memcpy(bytes.data() + 1, values.data(), values.size() * sizeof(float));
  const TensorView tensor = {
      TensorType::kFloat32, {2, 3, kHeight, kWidth}, absl::MakeConstSpan(bytes).subspan(1)};
  ASSERT_TRUE(CheckTensor(tensor, Contract(), kMaxImages).ok());
  std::vector<float> planes(3 * kArea);
  CopyTensorImage(tensor, Contract(), 1, absl::MakeSpan(planes));
  EXPECT_EQ(planes, std::vector<float>(values.begin() + 3 * kArea, values.end()));
}

TEST(TensorInputTest, BytesAreNormalisedFromEitherLayout) {
  const std::vector<uint8_t> bytes = Bytes(2 * 3 * kArea);
  for (const ColorOrder order : {ColorOrder::kRgb, ColorOrder::kBgr}) {
    InputContract contract = Contract();
    contract.color_order = order;
    for (const bool planar : {true, false}) {
      const std::vector<int64_t> shape = planar ? std::vector<int64_t>{2, 3, kHeight, kWidth}
                                                : std::vector<int64_t>{2, kHeight, kWidth, 3};
      const TensorView tensor = {TensorType::kUint8, shape, bytes};
      std::vector<float> planes(3 * kArea);
      CopyTensorImage(tensor, contract, 1, absl::MakeSpan(planes));
      for (int p = 0; p < 3; ++p) {
        const int c = order == ColorOrder::kBgr ? 2 - p : p;
        for (int i = 0; i < kArea; ++i) {
          const float value = bytes[3 * kArea + (planar ? c * kArea + i : 3 * i + c)];
          ASSERT_FLOAT_EQ(planes[p * kArea + i], (value - contract.mean[p]) / contract.std[p]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace siskin::pipeline
