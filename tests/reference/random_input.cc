#include "tests/reference/random_input.h"

#include <cstdint>

namespace siskin::testing {

std::vector<float> GoldenImages(const ops::Shape& shape, int count) {
  uint64_t state = 0xcbf29ce484222325u;  // FNV-1a of the name, as for weights (ops/bind_random.cc)
  for (const char c : {'i', 'n', 'p', 'u', 't'}) {
    state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  state ^= 7;
  std::vector<float> values(shape.elements() * count);
  for (float& value : values) {  // splitmix64
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    value = static_cast<float>(static_cast<double>(z >> 32) * 0x1p-31 - 1.0);
  }
  return values;
}

}  // namespace siskin::testing
