// The subcommands of `siskin`. Each function adds one to `app` and returns what runs it; flags live
// in the returned function. One file a command: serve_command.cc, classify_command.cc, ...
#ifndef SISKIN_SERVER_CLI_COMMANDS_H_
#define SISKIN_SERVER_CLI_COMMANDS_H_

#include <functional>

#include "server/cli/console.h"

namespace CLI {
class App;
}

namespace siskin::cli {

struct Command {
  CLI::App* app = nullptr;                 // owned by the parent; parsed() tells if it was chosen
  std::function<int(const Console&)> run;  // returns the exit code
};

Command AddPullCommand(CLI::App& parent);
Command AddServeCommand(CLI::App& parent);
Command AddClassifyCommand(CLI::App& parent);
Command AddDetectCommand(CLI::App& parent);
Command AddEmbedCommand(CLI::App& parent);
Command AddHealthCommand(CLI::App& parent);
Command AddInspectCommand(CLI::App& parent);
Command AddBenchCommand(CLI::App& parent);

// Parses the command line and runs the command it names. Returns the process's exit code; never
// throws. Every bad flag or argument is kExitUsage with a sentence on console.err.
int RunSiskin(int argc, const char* const* argv, const Console& console);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_COMMANDS_H_
