#include "server/pipeline/prepare_cost.h"

#include <cstdint>

#include "server/batching/cost_model.h"

namespace siskin::pipeline {
namespace {

double Pixels(const ImageInfo& photo) {
  return static_cast<double>(int64_t{photo.width} * photo.height);
}

}  // namespace

absl::Duration PrepareCost::Estimate(const ImageInfo& photo) const {
  const auto& seconds = seconds_per_pixel_[static_cast<size_t>(photo.format)];
  return absl::Seconds(seconds.load(std::memory_order_relaxed) * Pixels(photo));
}

void PrepareCost::Observe(const ImageInfo& photo, absl::Duration took) {
  const double pixels = Pixels(photo);
  if (pixels <= 0) return;
  auto& seconds = seconds_per_pixel_[static_cast<size_t>(photo.format)];
  const double now = absl::ToDoubleSeconds(took) / pixels;
  const double before = seconds.load(std::memory_order_relaxed);
  seconds.store(before == 0 ? now : batching::FollowCost(before, now), std::memory_order_relaxed);
}

}  // namespace siskin::pipeline
