#include "server/pipeline/upright.h"

#include <algorithm>
#include <cstddef>

namespace siskin::pipeline {

RgbImage Upright(const RgbImage& stored) {
  RgbImage upright;
  upright.width = stored.upright_size().width;
  upright.height = stored.upright_size().height;
  upright.pixels.resize(stored.pixels.size());
  auto out = upright.pixels.begin();
  for (int y = 0; y < upright.height; ++y) {
    for (int x = 0; x < upright.width; ++x) {
      int row = stored.sides_swapped() ? x : y;
      int column = stored.sides_swapped() ? y : x;
      if (stored.rows_reversed()) row = stored.height - 1 - row;
      if (stored.columns_reversed()) column = stored.width - 1 - column;
      out =
          std::copy_n(stored.pixels.begin() + 3 * (ptrdiff_t{row} * stored.width + column), 3, out);
    }
  }
  return upright;
}

}  // namespace siskin::pipeline
