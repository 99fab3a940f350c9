#include "ops/page_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace siskin::ops {

PageMemory::PageMemory(size_t bytes)
    : size_((std::max<size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment) {
  void* const memory = std::aligned_alloc(kAlignment, size_);
  if (memory == nullptr) throw std::bad_alloc();
  // May fail: where huge pages are off or scarce, ordinary pages do.
  madvise(memory, size_, MADV_HUGEPAGE);
  data_ = static_cast<std::byte*>(std::memset(memory, 0, size_));
}

PageMemory::~PageMemory() { std::free(data_); }

PageMemory::PageMemory(PageMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

PageMemory& PageMemory::operator=(PageMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace siskin::ops
