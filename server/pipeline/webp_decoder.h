// WebP through libwebp. The contract is that of image_decoder.h; the caller has seen the signature.
#ifndef SISKIN_SERVER_PIPELINE_WEBP_DECODER_H_
#define SISKIN_SERVER_PIPELINE_WEBP_DECODER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/pipeline/image_decoder.h"

namespace siskin::pipeline {

absl::StatusOr<ImageInfo> ProbeWebp(absl::Span<const uint8_t> bytes, const ImageLimits& limits);

absl::Status DecodeWebp(absl::Span<const uint8_t> bytes, const ImageLimits& limits,
                        RgbImage& image);

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_WEBP_DECODER_H_
