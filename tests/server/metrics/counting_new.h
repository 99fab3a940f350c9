// Replaces the test program's allocation functions by ones that count.
#ifndef SISKIN_TESTS_SERVER_METRICS_COUNTING_NEW_H_
#define SISKIN_TESTS_SERVER_METRICS_COUNTING_NEW_H_

namespace siskin::testing {

// Calls of operator new by the calling thread so far.
int AllocationsOfThisThread();

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_SERVER_METRICS_COUNTING_NEW_H_
