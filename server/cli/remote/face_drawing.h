// Faces drawn over their photo.
#ifndef SISKIN_SERVER_CLI_REMOTE_FACE_DRAWING_H_
#define SISKIN_SERVER_CLI_REMOTE_FACE_DRAWING_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "models/face_decoder.h"
#include "server/pipeline/image_decoder.h"

namespace siskin::cli {

// A frame around each box and a dot on each key point, in yellow with a black edge, so that they
// show on any background. `image` is upright; what lies beyond it is not drawn.
void DrawFaces(absl::Span<const models::Face> faces, pipeline::RgbImage& image);

// Writes the photo in the file `photo`, upright and with `faces` drawn over it, as the PNG file
// `png`. Errors: those of ReadFile and DecodeImage; PERMISSION_DENIED if `png` cannot be written.
absl::Status DrawFacesToFile(const std::string& photo, absl::Span<const models::Face> faces,
                             const std::string& png);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_REMOTE_FACE_DRAWING_H_
