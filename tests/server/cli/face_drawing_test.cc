#include "server/cli/remote/face_drawing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>

#include "server/cli/remote/photo_files.h"
#include "tests/server/cli/cli_fixture.h"

namespace siskin::cli {
namespace {

using ::siskin::testing::TempFolder;
using ::siskin::testing::WritePng;
using Color = std::array<uint8_t, 3>;

constexpr Color kBlack = {0, 0, 0};
constexpr Color kYellow = {255, 225, 0};
constexpr Color kBlue = {10, 20, 200};

pipeline::RgbImage Blue(int width, int height) {
  pipeline::RgbImage image;
  image.width = width;
  image.height = height;
  for (int i = 0; i < width * height; ++i) {
    image.pixels.insert(image.pixels.end(), kBlue.begin(), kBlue.end());
  }
  return image;
}

Color At(const pipeline::RgbImage& image, int x, int y) {
  const uint8_t* pixel = &image.pixels[3 * (size_t{1} * y * image.width + x)];
  return {pixel[0], pixel[1], pixel[2]};
}

models::Face MakeFace(float left, float top, float right, float bottom, models::Point points) {
  models::Face face = {.min = {left, top}, .max = {right, bottom}, .key_points = {}, .score = 1};
  face.key_points.fill(points);
  return face;
}

TEST(DrawFacesTest, FramesTheBoxInTwoTones) {
  pipeline::RgbImage image = Blue(60, 50);
  DrawFaces({MakeFace(10, 20, 40, 45, {25, 30})}, image);
  // Across each side: blue, black, yellow, black, blue.
  const Color across[] = {kBlue, kBlack, kYellow, kBlack, kBlue};
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(At(image, 8 + i, 35), across[i]) << i;   // left
    EXPECT_EQ(At(image, 37 + i, 35), across[i]) << i;  // right
    EXPECT_EQ(At(image, 15, 18 + i), across[i]) << i;  // top
    EXPECT_EQ(At(image, 15, 42 + i), across[i]) << i;  // bottom
  }
  EXPECT_EQ(At(image, 25, 30), kYellow);
  EXPECT_EQ(At(image, 23, 30), kBlack);
  EXPECT_EQ(At(image, 30, 35), kBlue);
}

TEST(DrawFacesTest, LinesGrowWithThePhoto) {
  pipeline::RgbImage image = Blue(1200, 40);
  DrawFaces({MakeFace(100, 10, 900, 100, {500, 30})}, image);
  for (int y = 10; y < 14; ++y) EXPECT_EQ(At(image, 300, y), kYellow) << y;
  EXPECT_EQ(At(image, 300, 14), kBlack);
}

TEST(DrawFacesTest, WhatIsOutsideThePhotoIsNotDrawn) {
  pipeline::RgbImage image = Blue(30, 20);
  const float huge = std::numeric_limits<float>::max();
  DrawFaces(
      {MakeFace(-huge, -huge, huge, huge, {huge, -huge}), MakeFace(-50, -50, -10, -10, {-20, -20})},
      image);
  EXPECT_EQ(image.pixels, Blue(30, 20).pixels);
  DrawFaces({MakeFace(-5, 5, 40, 15, {29.9f, 19.9f})}, image);
  EXPECT_EQ(At(image, 0, 5), kYellow);
  EXPECT_EQ(At(image, 29, 19), kYellow);
}

TEST(DrawFacesToFileTest, WritesThePhotoWithItsFaces) {
  const TempFolder folder;
  WritePng(folder / "photo.png", 64);
  const absl::Status drawn = DrawFacesToFile(
      folder / "photo.png", {MakeFace(10, 20, 40, 45, {25, 30})}, folder / "out.png");
  ASSERT_TRUE(drawn.ok()) << drawn;
  const std::string bytes = ReadFile(folder / "out.png", 1 << 20).value();
  pipeline::RgbImage image;
  ASSERT_TRUE(pipeline::DecodeImage({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                                    {}, image)
                  .ok());
  EXPECT_EQ(image.width, 64);
  EXPECT_EQ(image.height, 64);
  EXPECT_EQ(At(image, 10, 35), kYellow);
}

TEST(DrawFacesToFileTest, SaysWhatItCannotWriteOrRead) {
  const TempFolder folder;
  WritePng(folder / "photo.png", 64);
  const absl::Status unwritable =
      DrawFacesToFile(folder / "photo.png", {}, folder / "nowhere/out.png");
  EXPECT_EQ(unwritable.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(unwritable.message()), ::testing::HasSubstr("nowhere/out.png"));
  EXPECT_TRUE(absl::IsNotFound(DrawFacesToFile(folder / "none.png", {}, folder / "out.png")));
}

}  // namespace
}  // namespace siskin::cli
