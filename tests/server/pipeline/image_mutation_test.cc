// Thousands of damaged files through the decoders and the preprocessor. What is tested is that
// nothing crashes, which the sanitizers make strict; the mutations are the same in every run.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "server/pipeline/image_decoder.h"
#include "server/pipeline/preprocess.h"
#include "tests/server/pipeline/pil_references.h"

namespace siskin::pipeline {
namespace {

using siskin::testing::ReadReference;

uint32_t Crc32(const uint8_t* bytes, size_t size) {
  uint32_t crc = ~0u;
  for (size_t i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

// Without right checksums libpng would not look at what was damaged.
void FixPngChecksums(std::vector<uint8_t>& file) {
  size_t at = 8;
  while (at + 12 <= file.size()) {
    size_t length = 0;
    for (int i = 0; i < 4; ++i) length = length << 8 | file[at + i];
    if (length > file.size() - at - 12) return;
    const uint32_t crc = Crc32(&file[at + 4], length + 4);
    for (int i = 0; i < 4; ++i)
      file[at + 8 + length + i] = static_cast<uint8_t>(crc >> (24 - 8 * i));
    at += length + 12;
  }
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::vector<uint8_t> Mutate(std::vector<uint8_t> file) {
    const int changes = 1 + Below(4);
    for (int i = 0; i < changes && !file.empty(); ++i) Change(file);
    return file;
  }

 private:
  size_t Below(size_t bound) { return random_() % bound; }

  void Change(std::vector<uint8_t>& file) {
    constexpr std::array<uint8_t, 6> kTelling = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    // Half of the changes hit the headers, which are short and where sizes are.
    const size_t at = Below(Below(2) == 0 ? std::min<size_t>(file.size(), 64) : file.size());
    switch (Below(5)) {
      case 0:
        file[at] ^= static_cast<uint8_t>(1 << Below(8));
        break;
      case 1:
        file[at] = kTelling[Below(kTelling.size())];
        break;
      case 2:
        file[at] = static_cast<uint8_t>(random_());
        break;
      case 3:
        file.erase(file.begin() + at, file.begin() + std::min(file.size(), at + 1 + Below(16)));
        break;
      case 4: {
        const std::vector<uint8_t> part(file.begin() + at,
                                        file.begin() + std::min(file.size(), at + 1 + Below(64)));
        file.insert(file.begin() + Below(file.size()), part.begin(), part.end());
        break;
      }
    }
  }

  std::mt19937 random_;
};

class ImageMutationTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ImageMutationTest, DamagedFilesNeverCrash) {
  SISKIN_SKIP_WITHOUT_PIL();
  constexpr int kMutations = 400;
  const ImageLimits limits = {.max_pixels = 1 << 20};
  models::InputContract contract;
  contract.height = contract.width = 32;
  contract.resize_to = 37;
  std::vector<float> planes(3 * 32 * 32);
  Preprocessor preprocessor;
  RgbImage image;
  Mutator mutator(7);
  const std::vector<uint8_t> original = ReadReference(GetParam());
  ASSERT_TRUE(DecodeImage(original, limits, image).ok());
  int refused = 0;
  for (int i = 0; i < kMutations; ++i) {
    std::vector<uint8_t> file = mutator.Mutate(original);
    file.shrink_to_fit();
    if (std::string(GetParam()).ends_with(".png") && i % 4 != 0) FixPngChecksums(file);
    const absl::StatusOr<ImageInfo> info = ProbeImage(file, limits);
    const absl::Status status = DecodeImage(file, limits, image);
    if (status.ok()) {
      ASSERT_TRUE(info.ok()) << info.status();
      ASSERT_EQ(image.pixels.size(), size_t{3} * info->width * info->height);
      ASSERT_TRUE(preprocessor.Run(image, contract, absl::MakeSpan(planes)).ok());
      continue;
    }
    ++refused;
    ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    ASSERT_FALSE(status.message().empty());
  }
  EXPECT_GT(refused, kMutations / 10);
  ASSERT_TRUE(DecodeImage(original, limits, image).ok()) << "after damaged files";
}

std::string Name(const ::testing::TestParamInfo<const char*>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Files, ImageMutationTest,
                         ::testing::Values("420.jpg", "progressive.jpg", "gray.jpg", "ycck.jpg",
                                           "orientation_6.jpg", "rgb.png", "palette_4bit.png",
                                           "rgba_16bit_interlaced.png", "orientation.png",
                                           "lossless.webp", "lossy_alpha.webp", "animated.webp",
                                           "animated_offset.webp", "orientation.webp"),
                         Name);

}  // namespace
}  // namespace siskin::pipeline
