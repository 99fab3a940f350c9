// The arithmetic of sliding windows: padding by rule, output sizes. Shared by the builder and the
// validator, private to ops.
#ifndef SISKIN_OPS_WINDOWS_H_
#define SISKIN_OPS_WINDOWS_H_

#include "ops/graph.h"
#include "ops/net.h"

namespace siskin::ops {

struct WindowSpec {
  Size2d kernel;
  int stride = 1;
  Size2d dilation = 1;
};

// The padding of a convolution by rule. Symmetric padding of an even input with stride 2 pads one
// element after that is never read; it is kept, as the published tables print it.
Padding PaddingByRule(PaddingRule rule, const Shape& in, const WindowSpec& window);

// The padding of a pool: `padding` on all sides and, in ceil mode, what a last window that hangs
// over the end reads. Such a window counts if it begins inside the input or the padding before it.
Padding PoolPadding(const Shape& in, const WindowSpec& window, int padding, bool ceil_mode);

// How often a window fits into the padded input, down and across; 0 where it does not fit at all.
// `channels` is taken over.
Shape WindowedShape(int channels, const Shape& in, const WindowSpec& window,
                    const Padding& padding);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_WINDOWS_H_
