// Places buffers in one arena so that buffers which live at the same time do not overlap.
//
// Greedy by size: the largest buffer goes first, each to the lowest offset that fits. Small arenas
// matter less for memory than for speed: a layer finds its input in the cache where the layer
// before it wrote.
#ifndef SISKIN_OPS_ARENA_LAYOUT_H_
#define SISKIN_OPS_ARENA_LAYOUT_H_

#include <cstddef>
#include <vector>

namespace siskin::ops {

struct BufferLife {
  size_t bytes = 0;
  int first_step = 0;  // first and last step that touch the buffer, inclusive
  int last_step = 0;
};

struct ArenaLayout {
  std::vector<size_t> offsets;  // of each buffer, multiples of `alignment`
  size_t bytes = 0;
};

ArenaLayout PlaceBuffers(const std::vector<BufferLife>& buffers, size_t alignment);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_ARENA_LAYOUT_H_
