// Checks of flag values, to be given to CLI::Option::check. Errors say what is expected and what
// came.
#ifndef SISKIN_SERVER_CLI_VALIDATORS_H_
#define SISKIN_SERVER_CLI_VALIDATORS_H_

#include "CLI/CLI.hpp"

namespace siskin::cli {

// From `least` to `most`. CLI::Range lets NaN through.
CLI::Validator SecondsRange(double least, double most);

// From `least` to one lane for each core that this process may use: each lane takes memory for
// every model, and more of them compute no more.
CLI::Validator LanesRange(int least);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_VALIDATORS_H_
