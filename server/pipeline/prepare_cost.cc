#include "server/pipeline/prepare_cost.h"

#include <algorithm>
#include <cstdint>

namespace siskin::pipeline {
namespace {

constexpr double kLargestRise = 1.25;
constexpr double kFall = 1.0 / 16;

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
  double after = before - (before - now) * kFall;
  if (before == 0) after = now;
  if (now > before && before > 0) after = std::min(now, before * kLargestRise);
  seconds.store(after, std::memory_order_relaxed);
}

}  // namespace siskin::pipeline
