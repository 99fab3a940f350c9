// RGB photo -> the values a network expects: orient, crop, resample, normalise, to planes.
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
