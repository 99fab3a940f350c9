#include "server/pipeline/exif.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace siskin::pipeline {
namespace {

// A TIFF block built field by field.
class Tiff {
 public:
  explicit Tiff(bool big_endian) : big_endian_(big_endian) {
    bytes_ = {static_cast<uint8_t>(big_endian ? 'M' : 'I'),
              static_cast<uint8_t>(big_endian ? 'M' : 'I')};
    Add(42, 2).Add(8, 4);
  }
  Tiff& Add(uint32_t value, int size) {
    for (int i = 0; i < size; ++i) {
      bytes_.push_back(static_cast<uint8_t>(value >> 8 * (big_endian_ ? size - 1 - i : i)));
    }
    return *this;
  }
  Tiff& Entry(int tag, int type, int count, int value) {
    return Add(tag, 2).Add(type, 2).Add(count, 4).Add(value, 2).Add(0, 2);
  }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  bool big_endian_;
  std::vector<uint8_t> bytes_;
};

Tiff WithOrientation(bool big_endian, int orientation) {
  Tiff tiff(big_endian);
  tiff.Add(2, 2).Entry(0x010F, 2, 4, 7).Entry(0x0112, 3, 1, orientation).Add(0, 4);
  return tiff;
}

TEST(ExifTest, ReadsEveryOrientationInBothByteOrders) {
  for (const bool big_endian : {false, true}) {
    for (int orientation = 1; orientation <= 8; ++orientation) {
      std::vector<uint8_t> block = WithOrientation(big_endian, orientation).bytes();
      EXPECT_EQ(ReadExifOrientation(block), orientation) << big_endian;
      const std::string prefix("Exif\0\0", 6);
      block.insert(block.begin(), prefix.begin(), prefix.end());
      EXPECT_EQ(ReadExifOrientation(block), orientation) << big_endian << ", with prefix";
    }
  }
}

TEST(ExifTest, OrientationOutOfRangeIsUpright) {
  for (const int orientation : {0, 9, 65535}) {
    EXPECT_EQ(ReadExifOrientation(WithOrientation(true, orientation).bytes()), 1) << orientation;
  }
}

TEST(ExifTest, OtherTypeOrCountIsUpright) {
  Tiff text(true), pair(true);
  text.Add(1, 2).Entry(0x0112, 2, 1, 6);
  pair.Add(1, 2).Entry(0x0112, 3, 2, 6);
  EXPECT_EQ(ReadExifOrientation(text.bytes()), 1);
  EXPECT_EQ(ReadExifOrientation(pair.bytes()), 1);
}

TEST(ExifTest, NotExifIsUpright) {
  EXPECT_EQ(ReadExifOrientation({}), 1);
  EXPECT_EQ(ReadExifOrientation({'I'}), 1);
  EXPECT_EQ(ReadExifOrientation({'I', 'M', 42, 0}), 1);
  std::vector<uint8_t> magic = WithOrientation(false, 6).bytes();
  magic[2] = 43;
  EXPECT_EQ(ReadExifOrientation(magic), 1);
}

TEST(ExifTest, CutShortIsUprightOrTheTruth) {
  for (const bool big_endian : {false, true}) {
    const std::vector<uint8_t> block = WithOrientation(big_endian, 6).bytes();
    const size_t value_end = 8 + 2 + 12 + 10;
    for (size_t size = 0; size <= block.size(); ++size) {
      // A heap block of exactly that size, so that the sanitizer sees a byte too many.
      const std::vector<uint8_t> part(block.begin(), block.begin() + size);
      EXPECT_EQ(ReadExifOrientation(part), size < value_end ? 1 : 6) << size;
    }
  }
}

TEST(ExifTest, DirectoryFarAwayIsUpright) {
  for (const uint32_t offset : {9u, 40u, 0x7fffffffu, 0xffffffffu}) {
    std::vector<uint8_t> block = WithOrientation(false, 6).bytes();
    for (int i = 0; i < 4; ++i) block[4 + i] = static_cast<uint8_t>(offset >> 8 * i);
    EXPECT_EQ(ReadExifOrientation(block), 1) << offset;
  }
}

}  // namespace
}  // namespace siskin::pipeline
