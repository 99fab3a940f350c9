#include "server/pipeline/webp_decoder.h"

#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/pipeline/exif.h"

namespace siskin::pipeline {
namespace {

using Demuxer = std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)>;

absl::Status DamagedError(const char* reason) {
  return absl::InvalidArgumentError(absl::StrCat("the WebP cannot be decoded: ", reason));
}

const char* Reason(VP8StatusCode code) {
  switch (code) {
    case VP8_STATUS_OK:
      return "no error";
    case VP8_STATUS_OUT_OF_MEMORY:
      return "out of memory";
    case VP8_STATUS_INVALID_PARAM:
      return "the frame does not fit its canvas";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "unsupported feature";
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return "the data ends early";
    case VP8_STATUS_BITSTREAM_ERROR:
    case VP8_STATUS_USER_ABORT:
      break;
  }
  return "corrupt data";
}

WebPData ToWebPData(absl::Span<const uint8_t> bytes) { return {bytes.data(), bytes.size()}; }

int FindOrientation(const WebPDemuxer* demuxer) {
  WebPChunkIterator chunk;
  if (!WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk)) return 1;
  const int orientation = ReadExifOrientation({chunk.chunk.bytes, chunk.chunk.size});
  WebPDemuxReleaseChunkIterator(&chunk);
  return orientation;
}

// Decodes `frame` to its place on the canvas `image`.
absl::Status DecodeFrame(const WebPIterator& frame, RgbImage& image) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) {
    return absl::InternalError("libwebp at run time is not the version the server was built with");
  }
  VP8StatusCode code = WebPGetFeatures(frame.fragment.bytes, frame.fragment.size, &config.input);
  if (code != VP8_STATUS_OK) return DamagedError(Reason(code));
  if (config.input.width != frame.width || config.input.height != frame.height ||
      frame.x_offset < 0 || frame.x_offset > image.width - frame.width || frame.y_offset < 0 ||
      frame.y_offset > image.height - frame.height) {
    return DamagedError(Reason(VP8_STATUS_INVALID_PARAM));
  }
  const size_t stride = size_t{3} * image.width;
  const size_t offset = frame.y_offset * stride + size_t{3} * frame.x_offset;
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = image.pixels.data() + offset;
  config.output.u.RGBA.stride = static_cast<int>(stride);
  config.output.u.RGBA.size = image.pixels.size() - offset;
  code = WebPDecode(frame.fragment.bytes, frame.fragment.size, &config);
  if (code != VP8_STATUS_OK) return DamagedError(Reason(code));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImageInfo> ProbeWebp(absl::Span<const uint8_t> bytes, const ImageLimits& limits) {
  WebPBitstreamFeatures features;
  const VP8StatusCode code = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (code != VP8_STATUS_OK) return DamagedError(Reason(code));
  const ImageInfo info = {ImageFormat::kWebp, features.width, features.height};
  SISKIN_RETURN_IF_ERROR(CheckSize(info, limits));
  return info;
}

absl::Status DecodeWebp(absl::Span<const uint8_t> bytes, const ImageLimits& limits,
                        RgbImage& image) {
  SISKIN_ASSIGN_OR_RETURN(const ImageInfo info, ProbeWebp(bytes, limits));
  const WebPData data = ToWebPData(bytes);
  const Demuxer demuxer(WebPDemux(&data), &WebPDemuxDelete);
  if (demuxer == nullptr) return DamagedError("incomplete or inconsistent chunks");
  WebPIterator frame;
  if (!WebPDemuxGetFrame(demuxer.get(), 1, &frame)) return DamagedError("no frame");
  image.width = info.width;
  image.height = info.height;
  image.orientation = FindOrientation(demuxer.get());
  image.pixels.resize(size_t{3} * info.width * info.height);
  if (frame.width != info.width || frame.height != info.height) {
    std::fill(image.pixels.begin(), image.pixels.end(), 0);  // what the frame leaves bare is black
  }
  const absl::Status status = DecodeFrame(frame, image);
  WebPDemuxReleaseIterator(&frame);
  return status;
}

}  // namespace siskin::pipeline
