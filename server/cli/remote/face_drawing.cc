#include "server/cli/remote/face_drawing.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/cli/remote/photo_files.h"

namespace siskin::cli {
namespace {

using pipeline::RgbImage;
using Color = std::array<uint8_t, 3>;

constexpr Color kEdge = {0, 0, 0};
constexpr Color kLine = {255, 225, 0};

// Whole pixels: [left, right) x [top, bottom).
struct Area {
  int left = 0;
  int top = 0;
  int right = 0;
  int bottom = 0;

  Area Grown(int by) const { return {left - by, top - by, right + by, bottom + by}; }
};

// A pixel position that is safe to compute with, also for a face that is nowhere near the image.
int ToPixel(float position, int side) {
  return static_cast<int>(std::lround(std::clamp(position, -1.0f * side, 2.0f * side)));
}

void Fill(const Area& area, const Color& color, RgbImage& image) {
  const int left = std::max(area.left, 0);
  const int right = std::min(area.right, image.width);
  for (int y = std::max(area.top, 0); y < std::min(area.bottom, image.height); ++y) {
    for (int x = left; x < right; ++x) {
      std::copy(color.begin(), color.end(),
                image.pixels.begin() + 3 * (ptrdiff_t{y} * image.width + x));
    }
  }
}

// The border of `area`, `width` pixels inwards.
void Frame(const Area& area, int width, const Color& color, RgbImage& image) {
  Fill({area.left, area.top, area.right, area.top + width}, color, image);
  Fill({area.left, area.bottom - width, area.right, area.bottom}, color, image);
  Fill({area.left, area.top, area.left + width, area.bottom}, color, image);
  Fill({area.right - width, area.top, area.right, area.bottom}, color, image);
}

void DrawFace(const models::Face& face, int line, RgbImage& image) {
  const Area box = {ToPixel(face.min.x, image.width), ToPixel(face.min.y, image.height),
                    ToPixel(face.max.x, image.width), ToPixel(face.max.y, image.height)};
  Frame(box.Grown(line), 3 * line, kEdge, image);
  Frame(box, line, kLine, image);
  for (const models::Point& point : face.key_points) {
    const int x = ToPixel(point.x, image.width);
    const int y = ToPixel(point.y, image.height);
    const Area dot = Area{x, y, x, y}.Grown(line);
    Fill(dot.Grown(line), kEdge, image);
    Fill(dot, kLine, image);
  }
}

absl::Status WritePng(const RgbImage& image, const std::string& path) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.width);
  png.height = static_cast<png_uint_32>(image.height);
  png.format = PNG_FORMAT_RGB;
  if (png_image_write_to_file(&png, path.c_str(), /*convert_to_8bit=*/0, image.pixels.data(),
                              /*row_stride=*/0, /*colormap=*/nullptr) != 0) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(absl::StrCat("cannot write ", path, ": ", png.message));
}

}  // namespace

void DrawFaces(absl::Span<const models::Face> faces, RgbImage& image) {
  constexpr int kLinesPerSide = 300;  // thin, but not lost when the image is shown small
  const int line = std::max(1, std::max(image.width, image.height) / kLinesPerSide);
  for (const models::Face& face : faces) DrawFace(face, line, image);
}

absl::Status DrawFacesToFile(const std::string& photo, absl::Span<const models::Face> faces,
                             const std::string& png) {
  SISKIN_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(photo, kMaxPhotoBytes));
  const pipeline::ImageLimits limits = {.max_bytes = kMaxPhotoBytes};
  RgbImage stored;
  SISKIN_RETURN_IF_ERROR(pipeline::DecodeImage(
      {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, limits, stored));
  RgbImage image = pipeline::Upright(stored);
  DrawFaces(faces, image);
  return WritePng(image, png);
}

}  // namespace siskin::cli
