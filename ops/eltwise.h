// Activations as oneDNN knows them. Private to ops.
#ifndef SISKIN_OPS_ELTWISE_H_
#define SISKIN_OPS_ELTWISE_H_

#include <vector>

#include "ops/graph.h"
#include "ops/onednn_api.h"

namespace siskin::ops {

struct EltwiseFunction {
  dnnl::algorithm algorithm;
  float alpha = 0;
  float beta = 0;
};

// The functions to apply one after the other.
std::vector<EltwiseFunction> EltwiseFunctions(ActivationKind kind);

// f(x) = factor * x.
EltwiseFunction ScaleFunction(double factor);

// Post-ops that apply `kind`, after a sum with the destination if there is a residual.
dnnl::post_ops PostOps(bool residual, ActivationKind kind);

}  // namespace siskin::ops

#endif  // SISKIN_OPS_ELTWISE_H_
