// RGB photo -> the values a network expects: orient, crop, resample, normalise, to planes. And
// where in the photo that was.
//
// Follows models::InputContract. Resampling is antialiased like PIL's BILINEAR and BICUBIC, within
// 1 of 255 on at least 99 % of the pixels; values are clamped to 0..255 but, unlike PIL's, not
// rounded.
#ifndef SISKIN_SERVER_PIPELINE_PREPROCESS_H_
#define SISKIN_SERVER_PIPELINE_PREPROCESS_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "models/input_contract.h"
#include "server/pipeline/image_decoder.h"

namespace siskin::pipeline {

// The part of an upright photo that becomes a network's input, in pixels: (0, 0) is the photo's
// upper left corner, and a pixel's centre lies at .5. It may reach beyond the photo: black bars.
struct PhotoRegion {
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
};

// Exactly the part that Preprocessor::Run takes from a photo of this size. A place in the input, as
// fractions (x, y) of it, is (left + x * width, top + y * height) in the photo.
PhotoRegion InputRegion(ImageSize upright, const models::InputContract& contract);

// Keeps its buffers (and the resampler's, per image size) between images. Not thread-safe: one per
// lane thread.
class Preprocessor {
 public:
  Preprocessor();
  ~Preprocessor();
  Preprocessor(const Preprocessor&) = delete;
  Preprocessor& operator=(const Preprocessor&) = delete;

  // Fills `planes` [3, contract.height, contract.width]. INVALID_ARGUMENT if the image has no
  // content or needs more than 65535 pixels of one side. REQUIRES: `contract` is valid,
  // planes.size() fits.
  absl::Status Run(const RgbImage& image, const models::InputContract& contract,
                   absl::Span<float> planes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_PREPROCESS_H_
