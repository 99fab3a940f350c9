// Compressed image -> 8-bit RGB. JPEG, PNG and WebP, told apart by their first bytes.
//
// Every image becomes three channels, equal to what PIL's convert("RGB") makes of it: grey is
// replicated, CMYK and YCCK are converted (taken as inverted, as Adobe writes them), alpha is
// dropped without compositing, of 16 bits the upper 8 are kept (PIL clips 16-bit grey instead), the
// first frame of an animation is taken, on black where it leaves the canvas bare. The EXIF
// orientation is read, not yet applied: Preprocessor applies it to the resampled image,
// which is cheaper.
//
// Bad input never crashes and is INVALID_ARGUMENT with a sentence: empty, unknown format, truncated
// or corrupt data, zero size. Sizes are checked against ImageLimits from the header alone, before
// any pixel is decoded. Warnings of the codecs about harmless damage (stray bytes) are not errors;
// missing or damaged pixels are. Metadata never is.
//
// Thread-safe: the functions keep no state.
#ifndef SISKIN_SERVER_PIPELINE_IMAGE_DECODER_H_
#define SISKIN_SERVER_PIPELINE_IMAGE_DECODER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace siskin::pipeline {

struct ImageLimits {
  int64_t max_bytes = int64_t{16} << 20;           // compressed
  int64_t max_pixels = int64_t{40} * 1000 * 1000;  // width * height
};

enum class ImageFormat { kJpeg, kPng, kWebp };
const char* ToString(ImageFormat format);

struct ImageInfo {
  ImageFormat format = ImageFormat::kJpeg;
  int width = 0;  // as stored, before orientation
  int height = 0;
};

struct ImageSize {
  int width = 0;
  int height = 0;
  friend bool operator==(const ImageSize&, const ImageSize&) = default;
};

// An 8-bit RGB image, rows top to bottom, interleaved, no padding. Reused between images so that a
// lane stops allocating once it has decoded its largest one.
struct RgbImage {
  int width = 0;
  int height = 0;
  int orientation = 1;  // EXIF: 1 upright .. 8; 5 to 8 swap width and height
  std::vector<uint8_t> pixels;

  // What the orientation says about rows and columns as they are stored.
  bool sides_swapped() const { return orientation >= 5; }
  bool rows_reversed() const {
    return orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  }
  bool columns_reversed() const {
    return orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  }
  ImageSize upright_size() const {
    return sides_swapped() ? ImageSize{height, width} : ImageSize{width, height};
  }
};

// The same image with orientation 1, for users of all its pixels; a lane orients the resampled one.
RgbImage Upright(const RgbImage& stored);

// OK if the size is positive and within `limits`. For the decoders; ProbeImage includes it.
absl::Status CheckSize(const ImageInfo& info, const ImageLimits& limits);

// Reads the header only and checks the limits.
absl::StatusOr<ImageInfo> ProbeImage(absl::Span<const uint8_t> bytes, const ImageLimits& limits);

// Decodes into `image`, reusing its memory. On error `image` is unspecified.
absl::Status DecodeImage(absl::Span<const uint8_t> bytes, const ImageLimits& limits,
                         RgbImage& image);

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_IMAGE_DECODER_H_
