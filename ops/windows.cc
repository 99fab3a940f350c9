#include "ops/windows.h"

#include <algorithm>

namespace siskin::ops {
namespace {

// What a window covers on one axis.
int Reach(int kernel, int dilation) { return dilation * (kernel - 1) + 1; }

int Windows(int padded, int reach, int stride) {
  return padded < reach ? 0 : (padded - reach) / stride + 1;
}

struct Margins {
  int before = 0;
  int after = 0;
};

Margins MarginsByRule(PaddingRule rule, int in, int reach, int stride) {
  if (rule == PaddingRule::kSymmetric) return {(reach - 1) / 2, (reach - 1) / 2};
  const int out = (in + stride - 1) / stride;
  const int total = std::max((out - 1) * stride + reach - in, 0);
  return {total / 2, total - total / 2};
}

Margins PoolMargins(int in, int kernel, int stride, int padding, bool ceil_mode) {
  const Margins plain = {padding, padding};
  const int padded = in + 2 * padding;
  if (!ceil_mode || padded < kernel) return plain;
  const int rest = (padded - kernel) % stride;
  const int next = padded - kernel - rest + stride;  // where one more window would begin
  if (rest == 0 || next >= in + padding) return plain;
  return {padding, padding + stride - rest};
}

}  // namespace

Padding PaddingByRule(PaddingRule rule, const Shape& in, const WindowSpec& window) {
  const auto& [kernel, stride, dilation] = window;
  const Margins rows =
      MarginsByRule(rule, in.height, Reach(kernel.height, dilation.height), stride);
  const Margins columns =
      MarginsByRule(rule, in.width, Reach(kernel.width, dilation.width), stride);
  return {rows.before, rows.after, columns.before, columns.after};
}

Padding PoolPadding(const Shape& in, const WindowSpec& window, int padding, bool ceil_mode) {
  const auto& [kernel, stride, dilation] = window;
  const Margins rows = PoolMargins(in.height, kernel.height, stride, padding, ceil_mode);
  const Margins columns = PoolMargins(in.width, kernel.width, stride, padding, ceil_mode);
  return {rows.before, rows.after, columns.before, columns.after};
}

Shape WindowedShape(int channels, const Shape& in, const WindowSpec& window,
                    const Padding& padding) {
  const auto& [kernel, stride, dilation] = window;
  return {channels,
          Windows(in.height + padding.top + padding.bottom, Reach(kernel.height, dilation.height),
                  stride),
          Windows(in.width + padding.left + padding.right, Reach(kernel.width, dilation.width),
                  stride)};
}

}  // namespace siskin::ops
