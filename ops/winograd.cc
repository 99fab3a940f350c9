#include "ops/winograd.h"

namespace siskin::ops {
namespace {

constexpr int kVector = 16;

// The transforms cost the same for every channel and save the more, the more channels there are on
// the other side: few channels save nothing where images leave the cache.
bool HasEnoughChannels(const Shape& in, int64_t cache_bytes) {
  constexpr int kEnough = 64;
  return in.channels >= kEnough ||
         in.elements() * static_cast<int64_t>(sizeof(float)) <= cache_bytes;
}

// The kernel for small layers computes a few vectors of output channels at a time, which must
// divide them all: of 11 or 13 it computes one at a time, at half the speed.
bool VectorsDivide(int channels) {
  const int vectors = (channels + kVector - 1) / kVector;
  for (int divisor = 2; divisor <= kVector / 2; ++divisor) {
    if (vectors % divisor == 0) return true;
  }
  return vectors == 1;
}

}  // namespace

bool WinogradFits(const Shape& out) { return out.height > 2 && out.width > 2; }

bool WinogradPays(const Shape& in, const Shape& out, std::string_view implementation,
                  int64_t cache_bytes) {
  const bool is_for_small_layers = implementation.find("2x3") != std::string_view::npos;
  return HasEnoughChannels(in, cache_bytes) &&
         (!is_for_small_layers || VectorsDivide(out.channels));
}

}  // namespace siskin::ops
