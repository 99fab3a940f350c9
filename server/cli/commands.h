// The subcommands of `siskin`. Each of these functions adds one, its flags included. One file a
// command: remote/ has those that call a server, local/ those that work in this process.
#ifndef SISKIN_SERVER_CLI_COMMANDS_H_
#define SISKIN_SERVER_CLI_COMMANDS_H_

#include "server/cli/console.h"

namespace siskin::cli {

class CommandLine;

void AddPullCommand(CommandLine& siskin);
void AddServeCommand(CommandLine& siskin);
void AddClassifyCommand(CommandLine& siskin);
void AddDetectCommand(CommandLine& siskin);
void AddEmbedCommand(CommandLine& siskin);
void AddHealthCommand(CommandLine& siskin);
void AddInspectCommand(CommandLine& siskin);
void AddBenchCommand(CommandLine& siskin);
void AddSimulateCommand(CommandLine& siskin);

// Parses the command line and runs the command it names. Returns the process's exit code; never
// throws. Every bad flag or argument is kExitUsage with a sentence on console.err.
int RunSiskin(int argc, const char* const* argv, const Console& console);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_COMMANDS_H_
