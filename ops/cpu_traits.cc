#include "ops/cpu_traits.h"

#include "ops/onednn_api.h"

namespace siskin::ops {

const CpuTraits& DetectCpuTraits() {
  static const CpuTraits traits = [] {
    CpuTraits found;
    found.avx512 = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
    // The only CPUs of that family with AVX-512.
    found.splits_512_bit_vectors = found.avx512 && __builtin_cpu_is("amdfam19h") != 0;
    return found;
  }();
  return traits;
}

}  // namespace siskin::ops
