#include "base/thread_priority.h"

#include <sys/resource.h>

#include <algorithm>

namespace siskin {
namespace {

constexpr int kLowest = 19;

}  // namespace

// On Linux both are about the calling thread alone, whatever POSIX says of processes.
void GiveWay(int steps) { setpriority(PRIO_PROCESS, 0, std::min(ThreadNice() + steps, kLowest)); }

int ThreadNice() { return getpriority(PRIO_PROCESS, 0); }

}  // namespace siskin
