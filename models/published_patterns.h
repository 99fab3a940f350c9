// The dilation patterns published with IC-ResNet: the files of models/patterns, which CMake puts
// into the binary. Their format is that of models/dilation_pattern.h.
#ifndef SISKIN_MODELS_PUBLISHED_PATTERNS_H_
#define SISKIN_MODELS_PUBLISHED_PATTERNS_H_

namespace siskin::models {

extern const char kIcResNet50DetectionPatterns[];
extern const char kIcResNet50SegmentationPatterns[];
extern const char kIcResNet50PosePatterns[];
extern const char kIcResNet101Patterns[];  // of detection and segmentation

}  // namespace siskin::models

#endif  // SISKIN_MODELS_PUBLISHED_PATTERNS_H_
