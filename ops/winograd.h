// When a 3x3 convolution is computed by Winograd's algorithm (Lavin and Gray, 2015,
// arXiv:1509.09308), which takes a fourth to a half of the multiplications. Private to ops.
//
// oneDNN 2.x has kernels for AVX-512 and the blocked layout; 3.x has none for x86. Against the
// direct sum, the error of a layer is about 1e-6 of its largest value.
//
// The choice follows from shapes alone, so that every start of a server computes the same bits. It
// could be measured, but layers where the two are close would change sides from start to start.
#ifndef SISKIN_OPS_WINOGRAD_H_
#define SISKIN_OPS_WINOGRAD_H_

#include <cstdint>
#include <string_view>

#include "ops/graph.h"

namespace siskin::ops {

// True if the result has more than two rows and columns. A smaller one fills no tile of the
// transforms, so that nothing is saved; and oneDNN 2.6 divides by zero (SIGFPE) while it makes the
// primitive, if there are thousands of channels.
bool WinogradFits(const Shape& out);

// True if oneDNN's kernel of this name is faster than the direct one for a layer of these shapes.
// `cache_bytes` is what the activations of an image should fit.
bool WinogradPays(const Shape& in, const Shape& out, std::string_view implementation,
                  int64_t cache_bytes);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_WINOGRAD_H_
