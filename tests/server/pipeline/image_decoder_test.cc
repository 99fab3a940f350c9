#include "server/pipeline/image_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "tests/server/pipeline/pil_references.h"

namespace siskin::pipeline {
namespace {

using siskin::testing::ReadReference;
using siskin::testing::ReadReferenceTable;
using ::testing::HasSubstr;

const ImageLimits kLimits;

int MaxDifference(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
  int max = 0;
  for (size_t i = 0; i < a.size(); ++i) max = std::max(max, std::abs(a[i] - b[i]));
  return max;
}

TEST(ImageDecoderTest, PixelsAreThoseOfPil) {
  SISKIN_SKIP_WITHOUT_PIL();
  for (const std::vector<std::string>& row : ReadReferenceTable("decode.tsv")) {
    SCOPED_TRACE(row[0]);
    const std::vector<uint8_t> bytes = ReadReference(row[0]);
    RgbImage image;
    const absl::Status status = DecodeImage(bytes, kLimits, image);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(image.width, std::stoi(row[1]));
    EXPECT_EQ(image.height, std::stoi(row[2]));
    EXPECT_EQ(image.orientation, std::stoi(row[3]));
    const std::vector<uint8_t> expected = ReadReference(row[0] + ".rgb");
    ASSERT_EQ(image.pixels.size(), expected.size());
    EXPECT_LE(MaxDifference(image.pixels, expected), std::stoi(row[4]));
  }
}

TEST(ImageDecoderTest, ProbeAgreesWithDecode) {
  SISKIN_SKIP_WITHOUT_PIL();
  for (const std::vector<std::string>& row : ReadReferenceTable("decode.tsv")) {
    SCOPED_TRACE(row[0]);
    const absl::StatusOr<ImageInfo> info = ProbeImage(ReadReference(row[0]), kLimits);
    ASSERT_TRUE(info.ok()) << info.status();
    EXPECT_EQ(info->width, std::stoi(row[1]));
    EXPECT_EQ(info->height, std::stoi(row[2]));
    std::string extension = std::filesystem::path(row[0]).extension();
    EXPECT_EQ(std::string(".") + ToString(info->format), extension == ".jpg"   ? ".JPEG"
                                                         : extension == ".png" ? ".PNG"
                                                                               : ".WebP");
  }
}

TEST(ImageDecoderTest, DamageIsToldInASentence) {
  SISKIN_SKIP_WITHOUT_PIL();
  for (const std::vector<std::string>& row : ReadReferenceTable("bad.tsv")) {
    SCOPED_TRACE(row[0]);
    RgbImage image;
    const absl::Status status = DecodeImage(ReadReference(row[0]), kLimits, image);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row[1]));
  }
}

TEST(ImageDecoderTest, OversizedIsRefusedBeforeMemoryIsTaken) {
  SISKIN_SKIP_WITHOUT_PIL();
  for (const char* name :
       {"bad_huge.jpg", "bad_huge.png", "bad_huge.webp", "bad_huge_canvas.webp"}) {
    SCOPED_TRACE(name);
    const std::vector<uint8_t> bytes = ReadReference(name);
    RgbImage image;
    const absl::Status status = DecodeImage(bytes, kLimits, image);
    EXPECT_THAT(std::string(status.message()), HasSubstr("more than the limit of 40000000 pixels"));
    EXPECT_EQ(image.pixels.capacity(), 0u);
    EXPECT_EQ(ProbeImage(bytes, kLimits).status(), status);
  }
}

TEST(ImageDecoderTest, LimitsAreInclusive) {
  SISKIN_SKIP_WITHOUT_PIL();
  for (const char* name : {"420.jpg", "rgb.png", "lossless.webp"}) {
    SCOPED_TRACE(name);
    const std::vector<uint8_t> bytes = ReadReference(name);
    RgbImage image;
    ASSERT_TRUE(DecodeImage(bytes, kLimits, image).ok());
    ImageLimits exact = {.max_bytes = static_cast<int64_t>(bytes.size()),
                         .max_pixels = int64_t{image.width} * image.height};
    EXPECT_TRUE(DecodeImage(bytes, exact, image).ok());
    ImageLimits fewer_pixels = exact, fewer_bytes = exact;
    --fewer_pixels.max_pixels;
    --fewer_bytes.max_bytes;
    EXPECT_THAT(std::string(DecodeImage(bytes, fewer_pixels, image).message()),
                HasSubstr("pixels, more than the limit"));
    EXPECT_THAT(std::string(DecodeImage(bytes, fewer_bytes, image).message()),
                HasSubstr("bytes, more than the limit"));
  }
}

TEST(ImageDecoderTest, NotAnImage) {
  RgbImage image;
  EXPECT_THAT(std::string(DecodeImage({}, kLimits, image).message()), HasSubstr("is empty"));
  const std::string text = "GIF89a and so on, at some length";
  const absl::Status status =
      DecodeImage({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, kLimits, image);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("send a JPEG, PNG or WebP"));
}

TEST(ImageDecoderTest, RandomBytesAfterASignature) {
  std::mt19937 random(1);
  const std::string signatures[] = {"", "\xff\xd8\xff", "\x89PNG\r\n\x1a\n",
                                    std::string("RIFF\xf8\x01\0\0WEBP", 12)};
  for (int i = 0; i < 400; ++i) {
    const std::string& signature = signatures[i % std::size(signatures)];
    std::vector<uint8_t> bytes(512);
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<uint8_t>(random()); });
    std::copy(signature.begin(), signature.end(), bytes.begin());
    RgbImage image;
    EXPECT_EQ(DecodeImage(bytes, kLimits, image).code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(ImageDecoderTest, TruncatedAnywhere) {
  SISKIN_SKIP_WITHOUT_PIL();
  for (const char* name :
       {"420.jpg", "progressive.jpg", "cmyk.jpg", "rgb.png", "palette.png", "rgb_interlaced.png",
        "lossless.webp", "lossy_alpha.webp", "animated.webp", "orientation.webp"}) {
    SCOPED_TRACE(name);
    const std::vector<uint8_t> bytes = ReadReference(name);
    const size_t step = std::max<size_t>(1, bytes.size() / 200);
    for (size_t cut = 1; cut < bytes.size(); cut += cut < 64 ? 1 : step) {
      const std::vector<uint8_t> part(bytes.begin(), bytes.end() - cut);
      RgbImage image;
      const absl::Status status = DecodeImage(part, kLimits, image);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << cut << " bytes missing";
      EXPECT_FALSE(status.message().empty());
    }
  }
}

TEST(ImageDecoderTest, MemoryIsReused) {
  SISKIN_SKIP_WITHOUT_PIL();
  RgbImage image;
  ASSERT_TRUE(DecodeImage(ReadReference("420.jpg"), kLimits, image).ok());
  const uint8_t* memory = image.pixels.data();
  const size_t capacity = image.pixels.capacity();
  for (const char* name : {"420.jpg", "rgb.png", "animated.webp", "420.jpg"}) {
    ASSERT_TRUE(DecodeImage(ReadReference(name), kLimits, image).ok());
    EXPECT_EQ(image.pixels.data(), memory) << name;
    EXPECT_EQ(image.pixels.capacity(), capacity) << name;
  }
}

// Each letter is a pixel.
RgbImage Image(int width, int height, const std::string& letters) {
  RgbImage image;
  image.width = width;
  image.height = height;
  for (const char letter : letters) image.pixels.insert(image.pixels.end(), 3, letter);
  return image;
}

std::string Letters(const RgbImage& image) {
  std::string letters;
  for (size_t i = 0; i < image.pixels.size(); i += 3) letters += static_cast<char>(image.pixels[i]);
  return letters;
}

TEST(UprightTest, UndoesEveryOrientation) {
  const char* expected[] = {"",
                            "abcdef",
                            "badcfe",
                            "fedcba",
                            "efcdab",
                            /*three wide:*/ "acebdf",
                            "ecafdb",
                            "fdbeca",
                            "bdface"};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    RgbImage stored = Image(2, 3, "abcdef");
    stored.orientation = orientation;
    const RgbImage upright = Upright(stored);
    EXPECT_EQ(upright.orientation, 1);
    EXPECT_EQ(upright.width, orientation >= 5 ? 3 : 2) << orientation;
    EXPECT_EQ(upright.height, orientation >= 5 ? 2 : 3) << orientation;
    EXPECT_EQ(Letters(upright), expected[orientation]) << orientation;
  }
}

}  // namespace
}  // namespace siskin::pipeline
