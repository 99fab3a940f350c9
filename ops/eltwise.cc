#include "ops/eltwise.h"

namespace siskin::ops {

std::vector<EltwiseFunction> EltwiseFunctions(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::kNone:
      return {};
    case ActivationKind::kRelu:
      return {{dnnl::algorithm::eltwise_relu}};
    case ActivationKind::kRelu6:
      return {{dnnl::algorithm::eltwise_clip, 0, 6}};
    case ActivationKind::kHardSwish:
      return {{dnnl::algorithm::eltwise_hardswish, 1.0f / 6, 0.5f}};  // 2.x ignores the numbers
    case ActivationKind::kHardSigmoid:                                // not in 2.x
      return {{dnnl::algorithm::eltwise_linear, 1.0f / 6, 0.5f},
              {dnnl::algorithm::eltwise_clip, 0, 1}};
    case ActivationKind::kSwish:
      return {{dnnl::algorithm::eltwise_swish, 1}};
    case ActivationKind::kSigmoid:
      return {{dnnl::algorithm::eltwise_logistic}};
  }
  return {};
}

EltwiseFunction ScaleFunction(double factor) {
  return {dnnl::algorithm::eltwise_linear, static_cast<float>(factor), 0};
}

dnnl::post_ops PostOps(bool residual, ActivationKind kind) {
  dnnl::post_ops ops;
  if (residual) ops.append_sum();
  for (const EltwiseFunction& function : EltwiseFunctions(kind)) {
    onednn::AppendEltwise(ops, function.algorithm, function.alpha, function.beta);
  }
  return ops;
}

}  // namespace siskin::ops
