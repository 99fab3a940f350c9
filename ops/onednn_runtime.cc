#include "ops/onednn_runtime.h"

#include <omp.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "ops/plan.h"

namespace siskin::ops {

const dnnl::engine& CpuEngine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

// OpenMP's thread count is a property of the calling thread, so lanes do not disturb each other.
SingleThreadScope::SingleThreadScope() : outer_threads_(omp_get_max_threads()) {
  omp_set_num_threads(1);
}

SingleThreadScope::~SingleThreadScope() { omp_set_num_threads(outer_threads_); }

std::string OneDnnVersion() {
  const dnnl_version_t* version = dnnl::version();
  return absl::StrCat(version->major, ".", version->minor, ".", version->patch);
}

std::string OneDnnIsa() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    default:
      // Newer sets differ in name between oneDNN versions; all contain AVX-512 with AMX or fp16.
      return "newer";
  }
}

}  // namespace siskin::ops
