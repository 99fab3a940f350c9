#include "server/pipeline/upright.h"

#include <gtest/gtest.h>

#include <string>

namespace siskin::pipeline {
namespace {

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
