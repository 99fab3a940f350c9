#include "ops/arena_layout.h"

#include <algorithm>
#include <numeric>

namespace siskin::ops {
namespace {

bool LiveTogether(const BufferLife& a, const BufferLife& b) {
  return a.first_step <= b.last_step && b.first_step <= a.last_step;
}

}  // namespace

ArenaLayout PlaceBuffers(const std::vector<BufferLife>& buffers, size_t alignment) {
  const auto round_up = [alignment](size_t n) {
    return (n + alignment - 1) / alignment * alignment;
  };
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });

  ArenaLayout layout;
  layout.offsets.assign(buffers.size(), 0);
  std::vector<size_t> placed;  // by offset
  for (size_t index : order) {
    const size_t bytes = round_up(buffers[index].bytes);
    size_t offset = 0;
    for (size_t other : placed) {
      if (!LiveTogether(buffers[index], buffers[other])) continue;
      if (offset + bytes <= layout.offsets[other]) break;
      offset = std::max(offset, layout.offsets[other] + round_up(buffers[other].bytes));
    }
    layout.offsets[index] = offset;
    layout.bytes = std::max(layout.bytes, offset + bytes);
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), index,
                         [&](size_t a, size_t b) { return layout.offsets[a] < layout.offsets[b]; }),
        index);
  }
  return layout;
}

}  // namespace siskin::ops
