// The machine a measurement was made on.
#ifndef SISKIN_SERVER_CLI_MACHINE_H_
#define SISKIN_SERVER_CLI_MACHINE_H_

#include <string>

namespace siskin::cli {

struct Machine {
  std::string cpu;     // "AMD EPYC 9R45", or "unknown"
  std::string isa;     // what oneDNN dispatches to
  std::string onednn;  // its version
  int cores = 0;       // that this process may use
};

Machine DescribeMachine();

// The first "model name" of /proc/cpuinfo text; "unknown" if there is none.
std::string CpuModelName(const std::string& cpuinfo);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_MACHINE_H_
