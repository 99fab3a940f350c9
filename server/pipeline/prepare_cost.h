// What it takes a lane to decode and resample a photo, by format and size: time a pixel, followed
// as photos come. Like batching::CostModel it follows a rise fast and a fall slowly, and no single
// photo moves it far.
//
// Thread-safe, lock-free: two photos at the same moment may lose the one's observation.
#ifndef SISKIN_SERVER_PIPELINE_PREPARE_COST_H_
#define SISKIN_SERVER_PIPELINE_PREPARE_COST_H_

#include <array>
#include <atomic>

#include "absl/time/time.h"
#include "server/pipeline/image_decoder.h"

namespace siskin::pipeline {

class PrepareCost {
 public:
  // Zero for a format of which no photo has come yet.
  absl::Duration Estimate(const ImageInfo& photo) const;
  void Observe(const ImageInfo& photo, absl::Duration took);

 private:
  static constexpr size_t kFormats = 3;

  std::array<std::atomic<double>, kFormats> seconds_per_pixel_ = {};
};

}  // namespace siskin::pipeline

#endif  // SISKIN_SERVER_PIPELINE_PREPARE_COST_H_
