#include "server/pipeline/jpeg_decoder.h"

// In this order: jpeglib.h needs the first two, jerror.h what jpeglib.h configures.
#include <cstddef>
#include <cstdio>
// clang-format off
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <csetjmp>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/pipeline/exif.h"

namespace siskin::pipeline {
namespace {

// A progressive JPEG pays one pass over all its coefficients per scan. Encoders write about ten; a
// file with thousands, each a few bytes, is an attack.
constexpr int kMaxScans = 100;
constexpr int kExifMarker = JPEG_APP0 + 1;

// One decompression. libjpeg reports errors through error_exit, which must not return: here it
// jumps back to the setjmp of the method that called the library. That is sound as long as no frame
// between the two has anything to destroy, so the methods with a setjmp hold only plain locals, and
// allocate and report in their callers. Every method returns false after an error, with `message()`
// set, after which only the destructor may be called.
class JpegReader {
 public:
  JpegReader() = default;
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&cinfo_); }

  bool ReadHeader(absl::Span<const uint8_t> bytes);
  // `max_pixels` bounds the coefficients a progressive file keeps, by far its largest allocation.
  bool Start(int64_t max_pixels);
  // `pixels` holds width * height * 3 bytes.
  bool ReadPixels(uint8_t* pixels);

  ImageInfo info() const {
    return {ImageFormat::kJpeg, static_cast<int>(cinfo_.image_width),
            static_cast<int>(cinfo_.image_height)};
  }
  int orientation() const;
  const char* message() const { return message_; }

 private:
  static JpegReader& Self(j_common_ptr cinfo) {
    return *static_cast<JpegReader*>(cinfo->client_data);
  }
  [[noreturn]] static void OnError(j_common_ptr cinfo);
  static void OnMessage(j_common_ptr cinfo, int level);
  static void OnProgress(j_common_ptr cinfo);
  void ReadCmykRows(uint8_t* pixels);

  jpeg_decompress_struct cinfo_ = {};
  jpeg_error_mgr errors_ = {};
  jpeg_progress_mgr progress_ = {};
  std::jmp_buf jump_;
  char message_[JMSG_LENGTH_MAX] = "";
};

void JpegReader::OnError(j_common_ptr cinfo) {
  JpegReader& self = Self(cinfo);
  cinfo->err->format_message(cinfo, self.message_);
  std::longjmp(self.jump_, 1);
}

// Warnings that mean pixels were made up are errors. The others (stray bytes between markers, an
// odd version number) leave the picture whole.
void JpegReader::OnMessage(j_common_ptr cinfo, int level) {
  if (level != -1) return;  // a trace message
  switch (cinfo->err->msg_code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
      OnError(cinfo);
  }
}

void JpegReader::OnProgress(j_common_ptr cinfo) {
  if (reinterpret_cast<j_decompress_ptr>(cinfo)->input_scan_number <= kMaxScans) return;
  std::snprintf(Self(cinfo).message_, JMSG_LENGTH_MAX, "more than %d scans", kMaxScans);
  std::longjmp(Self(cinfo).jump_, 1);
}

bool JpegReader::ReadHeader(absl::Span<const uint8_t> bytes) {
  cinfo_.err = jpeg_std_error(&errors_);
  errors_.error_exit = OnError;
  errors_.emit_message = OnMessage;
  cinfo_.client_data = this;
  if (setjmp(jump_) != 0) return false;
  jpeg_create_decompress(&cinfo_);
  progress_.progress_monitor = OnProgress;
  cinfo_.progress = &progress_;
  jpeg_mem_src(&cinfo_, bytes.data(), bytes.size());
  jpeg_save_markers(&cinfo_, kExifMarker, 0xFFFF);
  jpeg_read_header(&cinfo_, TRUE);
  return true;
}

bool JpegReader::Start(int64_t max_pixels) {
  constexpr int64_t kTableBytes = int64_t{16} << 20;
  constexpr int64_t kCoefficientBytes = 4 * sizeof(JCOEF);  // of a pixel, at most four components
  if (setjmp(jump_) != 0) return false;
  cinfo_.mem->max_memory_to_use = kTableBytes + kCoefficientBytes * max_pixels;
  const bool cmyk = cinfo_.jpeg_color_space == JCS_CMYK || cinfo_.jpeg_color_space == JCS_YCCK;
  cinfo_.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&cinfo_);
  return true;
}

bool JpegReader::ReadPixels(uint8_t* pixels) {
  if (setjmp(jump_) != 0) return false;
  if (cinfo_.out_color_space == JCS_CMYK) {
    ReadCmykRows(pixels);
  } else {
    const size_t stride = size_t{cinfo_.output_width} * 3;
    while (cinfo_.output_scanline < cinfo_.output_height) {
      JSAMPROW row = pixels + cinfo_.output_scanline * stride;
      jpeg_read_scanlines(&cinfo_, &row, 1);
    }
  }
  jpeg_finish_decompress(&cinfo_);  // reads on to the end marker: a file without one is cut short
  return true;
}

// PIL takes every CMYK JPEG as inverted, as Adobe's programs write them: 255 is no ink. `ink` is
// rounded as its MULDIV255 does.
void JpegReader::ReadCmykRows(uint8_t* pixels) {
  JSAMPARRAY rows = (*cinfo_.mem->alloc_sarray)(reinterpret_cast<j_common_ptr>(&cinfo_),
                                                JPOOL_IMAGE, cinfo_.output_width * 4, 1);
  uint8_t* out = pixels;
  while (cinfo_.output_scanline < cinfo_.output_height) {
    jpeg_read_scanlines(&cinfo_, rows, 1);
    const uint8_t* in = rows[0];
    for (JDIMENSION x = 0; x < cinfo_.output_width; ++x, in += 4) {
      const int black = in[3];
      for (int c = 0; c < 3; ++c) {
        const int scaled = (255 - in[c]) * black + 128;
        const int ink = ((scaled >> 8) + scaled) >> 8;
        *out++ = static_cast<uint8_t>(black - ink);
      }
    }
  }
}

int JpegReader::orientation() const {
  constexpr std::string_view kExif("Exif\0\0", 6);  // XMP uses the same marker
  for (jpeg_saved_marker_ptr marker = cinfo_.marker_list; marker != nullptr;
       marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (data.substr(0, kExif.size()) == kExif) {
      return ReadExifOrientation({marker->data, marker->data_length});
    }
  }
  return 1;
}

absl::Status DamagedError(const JpegReader& reader) {
  return absl::InvalidArgumentError(absl::StrCat("the JPEG cannot be decoded: ", reader.message()));
}

}  // namespace

absl::StatusOr<ImageInfo> ProbeJpeg(absl::Span<const uint8_t> bytes, const ImageLimits& limits) {
  JpegReader reader;
  if (!reader.ReadHeader(bytes)) return DamagedError(reader);
  SISKIN_RETURN_IF_ERROR(CheckSize(reader.info(), limits));
  return reader.info();
}

absl::Status DecodeJpeg(absl::Span<const uint8_t> bytes, const ImageLimits& limits,
                        RgbImage& image) {
  JpegReader reader;
  if (!reader.ReadHeader(bytes)) return DamagedError(reader);
  const ImageInfo info = reader.info();
  SISKIN_RETURN_IF_ERROR(CheckSize(info, limits));
  if (!reader.Start(limits.max_pixels)) return DamagedError(reader);
  image.width = info.width;
  image.height = info.height;
  image.orientation = reader.orientation();
  image.pixels.resize(size_t{3} * info.width * info.height);
  if (!reader.ReadPixels(image.pixels.data())) return DamagedError(reader);
  return absl::OkStatus();
}

}  // namespace siskin::pipeline
