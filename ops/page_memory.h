// Zeroed memory in huge pages where the kernel grants them. Private to ops.
//
// A network walks through megabytes of weights and activations per image; with 4 KiB pages a good
// part of the time goes to address translation.
#ifndef SISKIN_OPS_PAGE_MEMORY_H_
#define SISKIN_OPS_PAGE_MEMORY_H_

#include <cstddef>

#include "absl/types/span.h"

namespace siskin::ops {

class PageMemory {
 public:
  static constexpr size_t kAlignment = size_t{2} << 20;  // a huge page of x86-64

  PageMemory() = default;
  // Rounds `bytes` up to whole huge pages and touches them all, so that no later use pays for a
  // page fault. Throws std::bad_alloc.
  explicit PageMemory(size_t bytes);
  ~PageMemory();
  PageMemory(PageMemory&& other) noexcept;
  PageMemory& operator=(PageMemory&& other) noexcept;

  absl::Span<std::byte> bytes() const { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace siskin::ops

#endif  // SISKIN_OPS_PAGE_MEMORY_H_
