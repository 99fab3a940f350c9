// Counts what a test program takes from the heap, its libraries included:
// tests/fakes/allocations.cc replaces malloc and its relatives. A sanitizer has replaced them
// already; there it listens.
#ifndef SISKIN_TESTS_FAKES_ALLOCATIONS_H_
#define SISKIN_TESTS_FAKES_ALLOCATIONS_H_

#include <cstddef>

namespace siskin::testing {

// Allocations by the calling thread so far, of at least `bytes` each. REQUIRES: a power of two.
int AllocationsOfThisThread(size_t bytes = 1);

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_FAKES_ALLOCATIONS_H_
