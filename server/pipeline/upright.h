// The EXIF orientation applied to a whole photo, for those who want all its pixels.
#ifndef SISKIN_SERVER_PIPELINE_UPRIGHT_H_
#define SISKIN_SERVER_PIPELINE_UPRIGHT_H_

#include "server/pipeline/image_decoder.h"

namespace siskin::pipeline {

// The same photo with orientation 1.
RgbImage Upright(const RgbImage& stored);

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_UPRIGHT_H_
