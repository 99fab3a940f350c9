#include "server/pipeline/image_decoder.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/pipeline/jpeg_decoder.h"
#include "server/pipeline/png_decoder.h"
#include "server/pipeline/webp_decoder.h"

namespace siskin::pipeline {
namespace {

std::optional<ImageFormat> SniffFormat(absl::Span<const uint8_t> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.substr(0, 3) == "\xff\xd8\xff") return ImageFormat::kJpeg;
  if (text.substr(0, 8) == "\x89PNG\r\n\x1a\n") return ImageFormat::kPng;
  if (text.size() >= 12 && text.substr(0, 4) == "RIFF" && text.substr(8, 4) == "WEBP") {
    return ImageFormat::kWebp;
  }
  return std::nullopt;
}

absl::StatusOr<ImageFormat> CheckFile(absl::Span<const uint8_t> bytes, const ImageLimits& limits) {
  if (bytes.empty()) {
    return absl::InvalidArgumentError("the image is empty: send a JPEG, PNG or WebP file");
  }
  if (static_cast<int64_t>(bytes.size()) > limits.max_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("the image file has ", bytes.size(),
                                                   " bytes, more than the limit of ",
                                                   limits.max_bytes, ": send a smaller one"));
  }
  const std::optional<ImageFormat> format = SniffFormat(bytes);
  if (!format) {
    return absl::InvalidArgumentError(absl::StrCat("not an image this server reads (", bytes.size(),
                                                   " bytes): send a JPEG, PNG or WebP file"));
  }
  return *format;
}

}  // namespace

const char* ToString(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return "JPEG";
    case ImageFormat::kPng:
      return "PNG";
    case ImageFormat::kWebp:
      return "WebP";
  }
  return "unknown";
}

RgbImage Upright(const RgbImage& stored) {
  RgbImage upright;
  upright.width = stored.upright_size().width;
  upright.height = stored.upright_size().height;
  upright.pixels.resize(stored.pixels.size());
  auto out = upright.pixels.begin();
  for (int y = 0; y < upright.height; ++y) {
    for (int x = 0; x < upright.width; ++x) {
      int row = stored.sides_swapped() ? x : y;
      int column = stored.sides_swapped() ? y : x;
      if (stored.rows_reversed()) row = stored.height - 1 - row;
      if (stored.columns_reversed()) column = stored.width - 1 - column;
      out =
          std::copy_n(stored.pixels.begin() + 3 * (ptrdiff_t{row} * stored.width + column), 3, out);
    }
  }
  return upright;
}

absl::Status CheckSize(const ImageInfo& info, const ImageLimits& limits) {
  if (info.width <= 0 || info.height <= 0) {
    return absl::InvalidArgumentError(absl::StrCat("the ", ToString(info.format), " is ",
                                                   info.width, " x ", info.height,
                                                   " pixels: it has no content"));
  }
  if (int64_t{info.width} * info.height > limits.max_pixels) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the ", ToString(info.format), " is ", info.width, " x ", info.height,
        " pixels, more than the limit of ", limits.max_pixels, " pixels: send a smaller one"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ImageInfo> ProbeImage(absl::Span<const uint8_t> bytes, const ImageLimits& limits) {
  SISKIN_ASSIGN_OR_RETURN(const ImageFormat format, CheckFile(bytes, limits));
  switch (format) {
    case ImageFormat::kJpeg:
      return ProbeJpeg(bytes, limits);
    case ImageFormat::kPng:
      return ProbePng(bytes, limits);
    case ImageFormat::kWebp:
      return ProbeWebp(bytes, limits);
  }
  return absl::InternalError("unhandled image format");
}

absl::Status DecodeImage(absl::Span<const uint8_t> bytes, const ImageLimits& limits,
                         RgbImage& image) {
  SISKIN_ASSIGN_OR_RETURN(const ImageFormat format, CheckFile(bytes, limits));
  switch (format) {
    case ImageFormat::kJpeg:
      return DecodeJpeg(bytes, limits, image);
    case ImageFormat::kPng:
      return DecodePng(bytes, limits, image);
    case ImageFormat::kWebp:
      return DecodeWebp(bytes, limits, image);
  }
  return absl::InternalError("unhandled image format");
}

}  // namespace siskin::pipeline
