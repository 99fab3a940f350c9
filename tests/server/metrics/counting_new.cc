#include "tests/server/metrics/counting_new.h"

#include <stdlib.h>

#include <new>

// In a file of its own, so that the compiler does not see one half of a pair inlined and warn.
namespace {

thread_local int allocations = 0;

void* CountedMalloc(size_t size) {
  ++allocations;
  void* memory = malloc(size == 0 ? 1 : size);
  if (memory == nullptr) abort();
  return memory;
}

}  // namespace

namespace siskin::testing {

int AllocationsOfThisThread() { return allocations; }

}  // namespace siskin::testing

void* operator new(size_t size) { return CountedMalloc(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return CountedMalloc(size); }
void* operator new[](size_t size) { return CountedMalloc(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return CountedMalloc(size); }
void operator delete(void* memory) noexcept { free(memory); }
void operator delete(void* memory, size_t) noexcept { free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { free(memory); }
void operator delete[](void* memory) noexcept { free(memory); }
void operator delete[](void* memory, size_t) noexcept { free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { free(memory); }
