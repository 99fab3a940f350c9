#include "server/pipeline/preprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/fakes/shared_data.h"
#include "tests/server/pipeline/pil_references.h"

namespace siskin::pipeline {
namespace {

using models::ColorOrder;
using models::InputContract;
using models::Interpolation;
using models::ResizeRule;
using siskin::testing::ReadReference;
using siskin::testing::ReadReferenceTable;
using ::testing::HasSubstr;

// Pixel values come out as they are.
InputContract RawContract(int height, int width) {
  InputContract contract;
  contract.height = height;
  contract.width = width;
  contract.resize_to = std::max(height, width);
  contract.mean = {0, 0, 0};
  contract.std = {1, 1, 1};
  return contract;
}

RgbImage MakeImage(int width, int height) {
  RgbImage image;
  image.width = width;
  image.height = height;
  image.pixels.resize(size_t{3} * width * height);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<uint8_t>((i * i / 7 + 31 * i) % 251);
  }
  return image;
}

std::vector<float> Prepare(const RgbImage& image, const InputContract& contract) {
  std::vector<float> planes(size_t{3} * contract.height * contract.width, -1);
  Preprocessor preprocessor;
  const absl::Status status = preprocessor.Run(image, contract, absl::MakeSpan(planes));
  EXPECT_TRUE(status.ok()) << status;
  return planes;
}

// The share of pixels with all three values within 1 of `expected`, which is interleaved.
double ShareWithinOne(const std::vector<float>& planes, const std::vector<uint8_t>& expected) {
  const size_t area = planes.size() / 3;
  size_t within = 0;
  for (size_t i = 0; i < area; ++i) {
    bool close = true;
    for (size_t c = 0; c < 3; ++c) {
      close &= std::abs(planes[c * area + i] - static_cast<float>(expected[3 * i + c])) <= 1;
    }
    within += close;
  }
  return static_cast<double>(within) / static_cast<double>(area);
}

// Each row of the table.
void ExpectAgreementWithPil(const std::string& table) {
  Preprocessor preprocessor;
  for (const std::vector<std::string>& row : ReadReferenceTable(table)) {
    SCOPED_TRACE(row[0]);
    RgbImage image;
    ASSERT_TRUE(DecodeImage(ReadReference(row[1]), ImageLimits(), image).ok());
    InputContract contract = RawContract(std::stoi(row[6]), std::stoi(row[7]));
    contract.rule = row[2] == "short_side"  ? ResizeRule::kShortSideThenCrop
                    : row[2] == "fraction"  ? ResizeRule::kCropFraction
                    : row[2] == "letterbox" ? ResizeRule::kLetterbox
                                            : ResizeRule::kStretch;
    contract.resize_to = std::stoi(row[3]);
    contract.crop_fraction = std::stod(row[4]);
    contract.interpolation =
        row[5] == "bicubic" ? Interpolation::kBicubic : Interpolation::kBilinear;
    std::vector<float> planes(size_t{3} * contract.height * contract.width);
    const absl::Status status = preprocessor.Run(image, contract, absl::MakeSpan(planes));
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<uint8_t> expected = ReadReference(row[0] + ".rgb");
    ASSERT_EQ(expected.size(), planes.size());
    EXPECT_GE(ShareWithinOne(planes, expected), 0.99);
  }
}

TEST(PreprocessTest, AgreesWithPil) {
  SISKIN_SKIP_WITHOUT_PIL();
  ExpectAgreementWithPil("preprocess.tsv");
}

TEST(PreprocessTest, AgreesWithPilOnPhotos) {
  SISKIN_SKIP_WITHOUT_PIL();
  SISKIN_SKIP_WITHOUT_SHARED("models/images");
  ExpectAgreementWithPil("photos.tsv");
}

TEST(PreprocessTest, SameSizeIsIdentity) {
  const RgbImage image = MakeImage(19, 13);
  for (const Interpolation filter : {Interpolation::kBilinear, Interpolation::kBicubic}) {
    InputContract contract = RawContract(13, 19);
    contract.rule = ResizeRule::kStretch;
    contract.interpolation = filter;
    const std::vector<float> planes = Prepare(image, contract);
    for (size_t i = 0; i < 13 * 19; ++i) {
      for (size_t c = 0; c < 3; ++c) {
        ASSERT_NEAR(planes[c * 13 * 19 + i], image.pixels[3 * i + c], 1e-3);
      }
    }
  }
}

TEST(PreprocessTest, NormalisesInTheColorOrderOfTheContract) {
  const RgbImage image = MakeImage(8, 8);
  InputContract contract = RawContract(8, 8);
  contract.rule = ResizeRule::kStretch;
  const std::vector<float> raw = Prepare(image, contract);
  contract.mean = {10, 20, 30};
  contract.std = {2, 4, 8};
  for (const ColorOrder order : {ColorOrder::kRgb, ColorOrder::kBgr}) {
    contract.color_order = order;
    const std::vector<float> planes = Prepare(image, contract);
    for (size_t p = 0; p < 3; ++p) {
      const size_t channel = order == ColorOrder::kBgr ? 2 - p : p;
      for (size_t i = 0; i < 64; ++i) {
        ASSERT_NEAR(planes[p * 64 + i],
                    (raw[channel * 64 + i] - contract.mean[p]) / contract.std[p], 1e-3);
      }
    }
  }
}

TEST(PreprocessTest, BicubicOvershootIsClamped) {
  RgbImage image = MakeImage(16, 16);
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = i % 48 < 24 ? 0 : 255;
  InputContract contract = RawContract(64, 64);
  contract.rule = ResizeRule::kStretch;
  contract.interpolation = Interpolation::kBicubic;
  const std::vector<float> planes = Prepare(image, contract);
  EXPECT_EQ(*std::min_element(planes.begin(), planes.end()), 0);
  EXPECT_EQ(*std::max_element(planes.begin(), planes.end()), 255);
}

// The pixel of the upright image that the stored pixel (x, y) is, as EXIF defines it.
RgbImage Store(const RgbImage& upright, int orientation) {
  const bool swapped = orientation >= 5;
  RgbImage stored = upright;
  stored.orientation = orientation;
  if (swapped) std::swap(stored.width, stored.height);
  const int right = upright.width - 1, bottom = upright.height - 1;
  for (int y = 0; y < stored.height; ++y) {
    for (int x = 0; x < stored.width; ++x) {
      const int positions[9][2] = {
          {},     {x, y},         {right - x, y},          {right - x, bottom - y}, {x, bottom - y},
          {y, x}, {right - y, x}, {right - y, bottom - x}, {y, bottom - x}};
      const auto& [from_x, from_y] = positions[orientation];
      std::copy_n(&upright.pixels[3 * (size_t{1} * from_y * upright.width + from_x)], 3,
                  &stored.pixels[3 * (size_t{1} * y * stored.width + x)]);
    }
  }
  return stored;
}

TEST(PreprocessTest, EveryOrientationEqualsTheUprightImage) {
  const RgbImage upright = MakeImage(83, 58);  // in a letterbox, one bar is wider than the other
  for (const ResizeRule rule : {ResizeRule::kShortSideThenCrop, ResizeRule::kCropFraction,
                                ResizeRule::kStretch, ResizeRule::kLetterbox}) {
    InputContract contract = RawContract(20, rule == ResizeRule::kLetterbox ? 20 : 31);
    contract.rule = rule;
    contract.resize_to = 36;
    contract.crop_fraction = 0.7;
    const std::vector<float> expected = Prepare(upright, contract);
    for (int orientation = 1; orientation <= 8; ++orientation) {
      const std::vector<float> planes = Prepare(Store(upright, orientation), contract);
      for (size_t i = 0; i < planes.size(); ++i) {
        ASSERT_NEAR(planes[i], expected[i], 0.01) << "orientation " << orientation << " at " << i;
      }
    }
  }
}

TEST(PreprocessTest, ExtremeShapesKeepAFlatColor) {
  for (const auto& [width, height] : {std::pair{1, 1},
                                      {1, 2},
                                      {2, 1},
                                      {1, 5000},
                                      {5000, 1},
                                      {3, 65535},
                                      {65535, 3},
                                      {65535, 1}}) {
    RgbImage image = MakeImage(width, height);
    for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = i % 3 == 0 ? 255 : 7;
    for (const ResizeRule rule :
         {ResizeRule::kShortSideThenCrop, ResizeRule::kCropFraction, ResizeRule::kStretch}) {
      for (const Interpolation filter : {Interpolation::kBilinear, Interpolation::kBicubic}) {
        InputContract contract = RawContract(224, 160);
        contract.rule = rule;
        contract.resize_to = 256;
        contract.interpolation = filter;
        const std::vector<float> planes = Prepare(image, contract);
        const size_t area = 224 * 160;
        for (size_t i = 0; i < planes.size(); ++i) {
          ASSERT_NEAR(planes[i], i < area ? 255 : 7, 0.01) << width << " x " << height;
        }
      }
    }
  }
}

TEST(PreprocessTest, ALetterboxIsBlackBesideTheImage) {
  for (const auto& [width, height] :
       {std::pair{1, 1}, {1, 5000}, {5000, 1}, {3, 65535}, {40, 20}}) {
    RgbImage image = MakeImage(width, height);
    std::fill(image.pixels.begin(), image.pixels.end(), 200);
    InputContract contract = RawContract(20, 20);
    contract.rule = ResizeRule::kLetterbox;
    const std::vector<float> planes = Prepare(image, contract);
    // As much light as the image's share of the square.
    const double share = std::min(width, height) / static_cast<double>(std::max(width, height));
    double sum = 0;
    for (const float value : planes) sum += value;
    EXPECT_NEAR(sum, 200 * share * 1200, 1200 * 200 * 1e-4) << width << " x " << height;
    if (width != 2 * height) continue;
    for (int row = 0; row < 20; ++row) {
      const float expected = row >= 6 && row < 14 ? 200 : row < 4 || row >= 16 ? 0 : -1;
      for (int column = 0; column < 20 && expected >= 0; ++column) {
        EXPECT_NEAR(planes[row * 20 + column], expected, 0.01) << row << ", " << column;
      }
    }
  }
}

TEST(InputRegionTest, IsWhatEachRuleTakes) {
  InputContract contract = RawContract(256, 256);
  contract.rule = ResizeRule::kLetterbox;
  PhotoRegion region = InputRegion({512, 355}, contract);
  EXPECT_EQ(region.left, 0);
  EXPECT_EQ(region.top, -78);  // and 79 below
  EXPECT_EQ(region.width, 512);
  EXPECT_EQ(region.height, 512);
  contract.rule = ResizeRule::kCropFraction;
  contract.crop_fraction = 0.5;
  region = InputRegion({400, 100}, contract);
  EXPECT_EQ(region.left, 100);
  EXPECT_EQ(region.top, 25);
  EXPECT_EQ(region.width, 200);
  EXPECT_EQ(region.height, 50);
}

// The centre of light of a plane, as fractions of its sides.
std::pair<double, double> CentreOfLight(const std::vector<float>& planes, int height, int width) {
  double sum = 0, sum_x = 0, sum_y = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double value = planes[y * width + x];
      sum += value;
      sum_x += value * (x + 0.5);
      sum_y += value * (y + 0.5);
    }
  }
  return {sum_x / sum / width, sum_y / sum / height};
}

TEST(InputRegionTest, LeadsBackToTheUprightPhotoFromEveryOrientation) {
  RgbImage upright = MakeImage(83, 58);
  std::fill(upright.pixels.begin(), upright.pixels.end(), 0);
  for (int y = 31; y < 36; ++y) {  // a white square around (30.5, 33.5)
    for (int x = 28; x < 33; ++x) std::fill_n(&upright.pixels[3 * (y * 83 + x)], 3, 255);
  }
  for (const ResizeRule rule : {ResizeRule::kShortSideThenCrop, ResizeRule::kCropFraction,
                                ResizeRule::kStretch, ResizeRule::kLetterbox}) {
    InputContract contract = RawContract(64, 64);
    contract.rule = rule;
    contract.resize_to = 71;
    const PhotoRegion region = InputRegion({83, 58}, contract);
    for (int orientation = 1; orientation <= 8; ++orientation) {
      const RgbImage stored = Store(upright, orientation);
      EXPECT_EQ(stored.upright_size(), (ImageSize{83, 58}));
      const auto [x, y] = CentreOfLight(Prepare(stored, contract), 64, 64);
      EXPECT_NEAR(region.left + x * region.width, 30.5, 0.05) << orientation;
      EXPECT_NEAR(region.top + y * region.height, 33.5, 0.05) << orientation;
    }
  }
}

TEST(PreprocessTest, TooExtremeIsRefused) {
  InputContract contract = RawContract(32, 32);
  contract.rule = ResizeRule::kStretch;
  std::vector<float> planes(3 * 32 * 32);
  Preprocessor preprocessor;
  const absl::Status status =
      preprocessor.Run(MakeImage(65536, 1), contract, absl::MakeSpan(planes));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("expected 1 to 65535"));
}

TEST(PreprocessTest, NoContentIsRefused) {
  std::vector<float> planes(3 * 32 * 32);
  Preprocessor preprocessor;
  const InputContract contract = RawContract(32, 32);
  EXPECT_EQ(preprocessor.Run(RgbImage(), contract, absl::MakeSpan(planes)).code(),
            absl::StatusCode::kInvalidArgument);
  RgbImage image = MakeImage(4, 4);
  image.pixels.resize(image.pixels.size() - 1);
  EXPECT_EQ(preprocessor.Run(image, contract, absl::MakeSpan(planes)).code(),
            absl::StatusCode::kInvalidArgument);
}

// One preprocessor meets more geometries than it keeps filters for, twice.
TEST(PreprocessTest, ManySizesInTurnDoNotDisturbEachOther) {
  Preprocessor preprocessor;
  for (int round = 0; round < 2; ++round) {
    for (int side = 20; side < 60; side += 4) {
      const RgbImage image = MakeImage(side, side + 3);
      const InputContract contract = RawContract(24, 24);
      std::vector<float> planes(3 * 24 * 24);
      ASSERT_TRUE(preprocessor.Run(image, contract, absl::MakeSpan(planes)).ok());
      EXPECT_EQ(planes, Prepare(image, contract)) << side;
    }
  }
}

}  // namespace
}  // namespace siskin::pipeline
