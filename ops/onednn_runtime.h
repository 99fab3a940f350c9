// The process-wide side of oneDNN. Private to ops.
#ifndef SISKIN_OPS_ONEDNN_RUNTIME_H_
#define SISKIN_OPS_ONEDNN_RUNTIME_H_

#include "ops/onednn_api.h"

namespace siskin::ops {

// The one CPU engine. Thread-safe.
const dnnl::engine& CpuEngine();

// While alive, oneDNN's primitives are made for, and run on, the calling thread alone. oneDNN
// decides the number of threads twice, when a primitive is made and when it runs; both need this.
class SingleThreadScope {
 public:
  SingleThreadScope();
  ~SingleThreadScope();
  SingleThreadScope(const SingleThreadScope&) = delete;
  SingleThreadScope& operator=(const SingleThreadScope&) = delete;

 private:
  const int outer_threads_;
};

}  // namespace siskin::ops

#endif  // SISKIN_OPS_ONEDNN_RUNTIME_H_
