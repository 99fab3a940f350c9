// The oneDNN calls whose signatures differ between 2.x (Debian 12) and 3.x (Debian 13). Private to
// ops; everything else of oneDNN is used as it is.
#ifndef SISKIN_OPS_ONEDNN_API_H_
#define SISKIN_OPS_ONEDNN_API_H_

#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>

namespace siskin::ops::onednn {

using Desc = dnnl::memory::desc;
using Dims = dnnl::memory::dims;

inline constexpr auto kInference = dnnl::prop_kind::forward_inference;

struct ConvolutionGeometry {
  Dims strides, dilates, padding_before, padding_after;  // dilates: 0 is dense
};

struct PoolGeometry {
  Dims strides, kernel, padding_before, padding_after;
};

// The first implementation whose name starts with `kernel`; where there is none, oneDNN's choice.
// In 2.x, a descriptor cannot go on to its next implementation without its operation's.
template <typename Make>
auto PreferKernel(std::string_view kernel, const Make& make) {
  auto primitive = make();
  do {
    if (std::string_view(primitive.impl_info_str()).starts_with(kernel)) return primitive;
  } while (primitive.next_impl());
  return make();
}

#if DNNL_VERSION_MAJOR >= 3

inline void AppendEltwise(dnnl::post_ops& ops, dnnl::algorithm algorithm, float alpha, float beta) {
  ops.append_eltwise(algorithm, alpha, beta);
}

inline auto Convolution(const dnnl::engine& engine, dnnl::algorithm algorithm, const Desc& src,
                        const Desc& weights, const Desc& bias, const Desc& dst,
                        const ConvolutionGeometry& geometry, const dnnl::primitive_attr& attr,
                        std::string_view kernel) {
  return PreferKernel(kernel, [&] {
    return dnnl::convolution_forward::primitive_desc(
        engine, kInference, algorithm, src, weights, bias, dst, geometry.strides, geometry.dilates,
        geometry.padding_before, geometry.padding_after, attr);
  });
}

inline auto Pool(const dnnl::engine& engine, dnnl::algorithm algorithm, const Desc& src,
                 const Desc& dst, const PoolGeometry& geometry, const dnnl::primitive_attr& attr) {
  const Dims dense(geometry.kernel.size(), 0);
  return dnnl::pooling_forward::primitive_desc(
      engine, kInference, algorithm, src, dst, geometry.strides, geometry.kernel, dense,
      geometry.padding_before, geometry.padding_after, attr);
}

inline auto Eltwise(const dnnl::engine& engine, dnnl::algorithm algorithm, const Desc& desc,
                    float alpha, float beta, const dnnl::primitive_attr& attr) {
  return dnnl::eltwise_forward::primitive_desc(engine, kInference, algorithm, desc, desc, alpha,
                                               beta, attr);
}

inline auto Binary(const dnnl::engine& engine, dnnl::algorithm algorithm, const Desc& left,
                   const Desc& right, const Desc& dst, const dnnl::primitive_attr& attr) {
  return dnnl::binary::primitive_desc(engine, algorithm, left, right, dst, attr);
}

inline auto ShuffleChannels(const dnnl::engine& engine, const Desc& desc, int group_size,
                            const dnnl::primitive_attr& attr) {
  return dnnl::shuffle_forward::primitive_desc(engine, kInference, desc, desc, 1, group_size, attr);
}

#else

inline void AppendEltwise(dnnl::post_ops& ops, dnnl::algorithm algorithm, float alpha, float beta) {
  ops.append_eltwise(1.0f, algorithm, alpha, beta);
}

inline auto Convolution(const dnnl::engine& engine, dnnl::algorithm algorithm, const Desc& src,
                        const Desc& weights, const Desc& bias, const Desc& dst,
                        const ConvolutionGeometry& geometry, const dnnl::primitive_attr& attr,
                        std::string_view kernel) {
  const dnnl::convolution_forward::desc desc(kInference, algorithm, src, weights, bias, dst,
                                             geometry.strides, geometry.dilates,
                                             geometry.padding_before, geometry.padding_after);
  return PreferKernel(
      kernel, [&] { return dnnl::convolution_forward::primitive_desc(desc, attr, engine); });
}

inline auto Pool(const dnnl::engine& engine, dnnl::algorithm algorithm, const Desc& src,
                 const Desc& dst, const PoolGeometry& geometry, const dnnl::primitive_attr& attr) {
  const dnnl::pooling_forward::desc desc(kInference, algorithm, src, dst, geometry.strides,
                                         geometry.kernel, geometry.padding_before,
                                         geometry.padding_after);
  return dnnl::pooling_forward::primitive_desc(desc, attr, engine);
}

inline auto Eltwise(const dnnl::engine& engine, dnnl::algorithm algorithm, const Desc& md,
                    float alpha, float beta, const dnnl::primitive_attr& attr) {
  const dnnl::eltwise_forward::desc desc(kInference, algorithm, md, alpha, beta);
  return dnnl::eltwise_forward::primitive_desc(desc, attr, engine);
}

inline auto Binary(const dnnl::engine& engine, dnnl::algorithm algorithm, const Desc& left,
                   const Desc& right, const Desc& dst, const dnnl::primitive_attr& attr) {
  const dnnl::binary::desc desc(algorithm, left, right, dst);
  return dnnl::binary::primitive_desc(desc, attr, engine);
}

inline auto ShuffleChannels(const dnnl::engine& engine, const Desc& desc, int group_size,
                            const dnnl::primitive_attr& attr) {
  const dnnl::shuffle_forward::desc shuffle(kInference, desc, 1, group_size);
  return dnnl::shuffle_forward::primitive_desc(shuffle, engine, attr);
}

#endif

}  // namespace siskin::ops::onednn

#endif  // SISKIN_OPS_ONEDNN_API_H_
