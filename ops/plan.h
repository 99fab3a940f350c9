// A graph compiled for one batch size: oneDNN primitives, packed weights, and a memory layout.
//
// A Plan is immutable and safe to run from any thread that brings its own Workspace; runs are
// bit-identical. It runs on the calling thread alone (one lane, one core).
//
// The layers are cut into segments by the size of their activations: a segment whose activations
// would not stay in the L2 cache at the whole batch runs in micro-batches (the first layers image
// by image), while the last layers, which stream their weights, run the batch at once.
//
// Layouts are chosen by oneDNN; the input is plain NCHW, the output plain [batch, channels].
#ifndef SISKIN_OPS_PLAN_H_
#define SISKIN_OPS_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ops/cpu_traits.h"
#include "ops/graph.h"

namespace siskin::ops {

struct PlanOptions {
  int batch_size = 1;  // >= 1
  // Cache a segment's activations should fit, in bytes. 0: the L2 size of this machine.
  int64_t cache_bytes = 0;
  // Accept oneDNN's reference implementations, which are orders of magnitude slower, where there is
  // nothing else.
  bool allow_reference = false;
  // Use Winograd's algorithm for 3x3 convolutions where it is faster (ops/winograd.h). Results
  // differ from the direct sum's in the last bits.
  bool winograd = true;
  // The CPU that layouts and kernels are chosen for; nullopt: this machine's. Another one's plan
  // may be slow here, or refused for lack of kernels.
  std::optional<CpuTraits> cpu = std::nullopt;
};

// Weights in the layouts that primitives want, made once and shared by the plans of one model.
// Thread-safe. Lives as long as any plan that uses it.
class PackedWeights;
std::shared_ptr<PackedWeights> MakePackedWeights();
int64_t PackedBytes(const PackedWeights& weights);

struct CompiledPlan;
class Plan;

// The memory one thread runs one plan in. Workspaces of different plans may share one arena when
// they run one after the other, as a lane does. Keeps its plan alive. Not thread-safe.
class Workspace {
 public:
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  absl::Span<float> input();  // [batch, channels, height, width]; lost in a run
  // Valid until the input is written again, which may lie in the same memory, or until another
  // workspace uses the arena.
  absl::Span<const float> output() const;  // [batch, channels, ...]
  // [batch, channels] of the last global pool; valid as long. Empty if there is none.
  absl::Span<const float> features() const;

 private:
  friend class Plan;
  struct Bindings;
  Workspace(std::shared_ptr<const Plan> plan, absl::Span<std::byte> arena);

  std::shared_ptr<const Plan> plan_;
  absl::Span<std::byte> arena_;
  std::unique_ptr<Bindings> bindings_;
};

class Plan : public std::enable_shared_from_this<Plan> {
 public:
  struct StepInfo {
    std::string name;            // the layer, or "reorder <layer>"
    std::string implementation;  // oneDNN's name of the kernel: "jit:avx512_core"
    int micro_batch = 0;         // images per execution
    int64_t multiply_adds = 0;   // for one image
  };

  // `graph` must be bound and optimised (ops/rewrite.h).
  // INVALID_ARGUMENT: unsupported graph or options; INTERNAL: oneDNN refused a primitive;
  // FAILED_PRECONDITION: only a reference implementation exists and it is not allowed.
  static absl::StatusOr<std::shared_ptr<const Plan>> Compile(
      const Graph& graph, const PlanOptions& options, std::shared_ptr<PackedWeights> weights);
  ~Plan();

  int batch_size() const;
  const Shape& input_shape() const;
  const Shape& output_shape() const;
  const Shape& features_shape() const;  // no channels if the network has no global pool
  size_t arena_bytes() const;           // memory a Workspace needs
  std::vector<StepInfo> steps() const;

  // `arena` outlives the workspace. INVALID_ARGUMENT: too small or not aligned to kArenaAlignment.
  absl::StatusOr<std::unique_ptr<Workspace>> MakeWorkspace(absl::Span<std::byte> arena) const;

  // Computes workspace.output() from workspace.input(). INTERNAL: oneDNN failed.
  // REQUIRES: `workspace` was made by this plan and no other thread uses it or its arena.
  absl::Status Run(Workspace& workspace) const;

 private:
  friend class Workspace;
  explicit Plan(CompiledPlan compiled);

  const std::unique_ptr<const CompiledPlan> compiled_;
};

// Arenas are aligned to this many bytes.
inline constexpr size_t kArenaAlignment = 4096;

// An aligned block of memory for workspaces, in huge pages where the kernel grants them. All of it
// is touched, so that it is resident before traffic comes.
class Arena {
 public:
  explicit Arena(size_t bytes);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  absl::Span<std::byte> bytes();

 private:
  std::unique_ptr<class PageMemory> memory_;
};

// "2.6.3": the oneDNN that runs. And the instruction set it dispatches to: "avx512_core_bf16".
std::string OneDnnVersion();
std::string OneDnnIsa();

}  // namespace siskin::ops

#endif  // SISKIN_OPS_PLAN_H_
