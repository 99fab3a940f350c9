// The one EXIF field the server cares about: which way up a photo is.
#ifndef SISKIN_SERVER_PIPELINE_EXIF_H_
#define SISKIN_SERVER_PIPELINE_EXIF_H_

#include <cstdint>

#include "absl/types/span.h"

namespace siskin::pipeline {

// The orientation 1..8 in an EXIF block: a TIFF header and its first directory, with or without the
// "Exif\0\0" that JPEG puts before it. A block that is absent, damaged or silent means 1 (upright):
// a photo is not refused for its metadata.
int ReadExifOrientation(absl::Span<const uint8_t> block);

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_EXIF_H_
