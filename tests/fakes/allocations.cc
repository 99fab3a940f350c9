#include "tests/fakes/allocations.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include <array>
#include <bit>
#include <numeric>

namespace {

thread_local std::array<int, 65> counts;  // by the number of bits of the size

void Count(size_t bytes) { ++counts[std::bit_width(bytes)]; }

}  // namespace

namespace siskin::testing {

int AllocationsOfThisThread(size_t bytes) {
  return std::accumulate(counts.begin() + std::bit_width(bytes), counts.end(), 0);
}

}  // namespace siskin::testing

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

// Of <sanitizer/allocator_interface.h>, which Debian's GCC comes without.
extern "C" int __sanitizer_install_malloc_and_free_hooks(
    void (*malloc_hook)(const volatile void* memory, size_t bytes),
    void (*free_hook)(const volatile void* memory));

[[maybe_unused]] static const int installed = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, size_t bytes) { Count(bytes); }, [](const volatile void*) {});

#else

extern "C" {

// glibc's own, under the names it exports for programs that replace the usual ones.
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* memory, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);

void* malloc(size_t bytes) noexcept {
  Count(bytes);
  return __libc_malloc(bytes);
}

void* calloc(size_t count, size_t bytes) noexcept {
  Count(count * bytes);
  return __libc_calloc(count, bytes);
}

void* realloc(void* memory, size_t bytes) noexcept {
  Count(bytes);
  return __libc_realloc(memory, bytes);
}

void* memalign(size_t alignment, size_t bytes) noexcept {
  Count(bytes);
  return __libc_memalign(alignment, bytes);
}

void* aligned_alloc(size_t alignment, size_t bytes) noexcept { return memalign(alignment, bytes); }

int posix_memalign(void** memory, size_t alignment, size_t bytes) noexcept {
  *memory = memalign(alignment, bytes);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"

#endif
