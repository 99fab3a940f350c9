// How siskin-load ends. Scripts depend on these numbers.
#ifndef SISKIN_LOADTEST_EXIT_CODES_H_
#define SISKIN_LOADTEST_EXIT_CODES_H_

namespace siskin::loadtest {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // errors or changed answers, or nothing was answered
inline constexpr int kExitUsage = 2;
inline constexpr int kExitCannotConnect = 4;

}  // namespace siskin::loadtest

#endif  // SISKIN_LOADTEST_EXIT_CODES_H_
