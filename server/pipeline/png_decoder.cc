#include "server/pipeline/png_decoder.h"

#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/pipeline/exif.h"

namespace siskin::pipeline {
namespace {

constexpr size_t kSignatureBytes = 8;

uint32_t ReadBigEndian32(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

// libpng's progressive reader, which unlike the pull reader does not go on inflating once it has
// all rows: a few megabytes of surplus image data would otherwise cost seconds.
//
// libpng reports errors by a longjmp to the setjmp of the method that called it. That is sound as
// long as no frame between the two has anything to destroy, so the methods with a setjmp and the
// callbacks hold only plain locals, and allocation and reporting is left to their callers. Every
// method returns false after an error, with `message()` set, after which only the destructor may be
// called.
class PngReader {
 public:
  explicit PngReader(int64_t max_pixels) : max_pixels_(max_pixels) {}
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png_, &png_info_, nullptr); }

  // Stops where the image data begins. Fails before it allocates for more than max_pixels.
  bool ReadHeader(absl::Span<const uint8_t> bytes);
  // `pixels` holds width * height * 3 bytes.
  bool ReadPixels(uint8_t* pixels);

  const ImageInfo& info() const { return info_; }  // set once the size is known, also on failure
  const char* message() const { return message_; }

 private:
  static PngReader& Self(png_structp png) {
    return *static_cast<PngReader*>(png_get_progressive_ptr(png));
  }
  [[noreturn]] static void OnError(png_structp png, png_const_charp message);
  static void OnWarning(png_structp, png_const_charp) {}
  static void OnInfo(png_structp png, png_infop png_info);
  static void OnRow(png_structp png, png_bytep row, png_uint_32 y, int pass);
  static void OnEnd(png_structp png, png_infop png_info);
  bool Fail(const char* message);
  bool Process();

  const int64_t max_pixels_;
  png_structp png_ = nullptr;
  png_infop png_info_ = nullptr;
  absl::Span<const uint8_t> rest_;  // not yet given to libpng
  ImageInfo info_;
  uint8_t* pixels_ = nullptr;
  bool has_header_ = false;
  bool complete_ = false;
  char message_[128] = "";
};

bool PngReader::Fail(const char* message) {
  std::snprintf(message_, sizeof(message_), "%s", message);
  return false;
}

void PngReader::OnError(png_structp png, png_const_charp message) {
  static_cast<PngReader*>(png_get_error_ptr(png))->Fail(message);
  png_longjmp(png, 1);
}

void PngReader::OnInfo(png_structp png, png_infop png_info) {
  PngReader& self = Self(png);
  const int64_t width = png_get_image_width(png, png_info);
  const int64_t height = png_get_image_height(png, png_info);
  self.info_ = {ImageFormat::kPng, static_cast<int>(width), static_cast<int>(height)};
  if (width * height > self.max_pixels_) png_error(png, "too many pixels");

  png_set_expand(png);  // palette, and grey of fewer than 8 bits
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, png_info);
  if (png_get_rowbytes(png, png_info) != static_cast<size_t>(width * 3)) {
    png_error(png, "unexpected pixel format");
  }
  self.has_header_ = true;
  const size_t unread = png_process_data_pause(png, /*save=*/0);
  self.rest_ = self.rest_.subspan(self.rest_.size() - unread);
}

void PngReader::OnRow(png_structp png, png_bytep row, png_uint_32 y, int /*pass*/) {
  PngReader& self = Self(png);
  // `row` is null where a pass of an interlaced image has nothing for this row.
  if (row == nullptr) return;
  png_progressive_combine_row(png, self.pixels_ + size_t{y} * self.info_.width * 3, row);
}

// libpng takes an end before the last row for a trifle.
void PngReader::OnEnd(png_structp png, png_infop png_info) {
  constexpr int kPasses = 7;
  PngReader& self = Self(png);
  const bool interlaced = png_get_interlace_type(png, png_info) != PNG_INTERLACE_NONE;
  self.complete_ = interlaced
                       ? png_get_current_pass_number(png) >= kPasses
                       : png_get_current_row_number(png) >= png_get_image_height(png, png_info);
}

bool PngReader::ReadHeader(absl::Span<const uint8_t> bytes) {
  png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, OnError, OnWarning);
  if (png_ == nullptr) return Fail("libpng cannot be initialised");
  if (setjmp(png_jmpbuf(png_)) != 0) return false;
  png_info_ = png_create_info_struct(png_);
  if (png_info_ == nullptr) return Fail("libpng cannot be initialised");
  // Metadata is skipped unread, so that none of it is inflated or stored, and none can fail.
  png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_progressive_read_fn(png_, this, OnInfo, OnRow, OnEnd);
  rest_ = bytes;
  if (!Process()) return false;
  return has_header_ || Fail("the data ends before the image begins");
}

bool PngReader::ReadPixels(uint8_t* pixels) {
  if (setjmp(png_jmpbuf(png_)) != 0) return false;
  pixels_ = pixels;
  if (!Process()) return false;
  return complete_ || Fail("the data ends early");
}

bool PngReader::Process() {
  png_process_data(png_, png_info_, const_cast<uint8_t*>(rest_.data()), rest_.size());
  return true;
}

// The chunk is found by hand: the progressive reader of older libpng does not know it.
int FindOrientation(absl::Span<const uint8_t> bytes) {
  bytes.remove_prefix(kSignatureBytes);
  while (bytes.size() >= 8) {
    const size_t length = ReadBigEndian32(bytes.data());
    const std::string_view type(reinterpret_cast<const char*>(bytes.data()) + 4, 4);
    bytes.remove_prefix(8);
    if (length + 4 > bytes.size()) return 1;
    if (type == "eXIf") return ReadExifOrientation(bytes.subspan(0, length));
    bytes.remove_prefix(length + 4);  // and the checksum
  }
  return 1;
}

absl::Status DamagedError(const PngReader& reader, const ImageLimits& limits) {
  if (reader.info().width > 0) SISKIN_RETURN_IF_ERROR(CheckSize(reader.info(), limits));
  return absl::InvalidArgumentError(absl::StrCat("the PNG cannot be decoded: ", reader.message()));
}

}  // namespace

absl::StatusOr<ImageInfo> ProbePng(absl::Span<const uint8_t> bytes, const ImageLimits& limits) {
  PngReader reader(limits.max_pixels);
  if (!reader.ReadHeader(bytes)) return DamagedError(reader, limits);
  return reader.info();
}

absl::Status DecodePng(absl::Span<const uint8_t> bytes, const ImageLimits& limits,
                       RgbImage& image) {
  PngReader reader(limits.max_pixels);
  if (!reader.ReadHeader(bytes)) return DamagedError(reader, limits);
  image.width = reader.info().width;
  image.height = reader.info().height;
  image.orientation = FindOrientation(bytes);
  image.pixels.resize(size_t{3} * image.width * image.height);
  if (!reader.ReadPixels(image.pixels.data())) return DamagedError(reader, limits);
  return absl::OkStatus();
}

}  // namespace siskin::pipeline
