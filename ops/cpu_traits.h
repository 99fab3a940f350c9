// What of a CPU decides between kernels and layouts: plain data, so that the rules for one CPU are
// tested on any other.
#ifndef SISKIN_OPS_CPU_TRAITS_H_
#define SISKIN_OPS_CPU_TRAITS_H_

namespace siskin::ops {

struct CpuTraits {
  // oneDNN may use AVX-512: it has kernels for vectors of sixteen floats.
  bool avx512 = false;
  // Executes 512-bit operations as two halves: Zen 4.
  bool splits_512_bit_vectors = false;

  friend bool operator==(const CpuTraits&, const CpuTraits&) = default;
};

// Of this machine, as far as oneDNN is told to use it. Does not change while the process runs.
const CpuTraits& DetectCpuTraits();

}  // namespace siskin::ops

#endif  // SISKIN_OPS_CPU_TRAITS_H_
