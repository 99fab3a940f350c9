// The command line of a program with subcommands: its flags, its help, and what it refuses.
// CLI11 does the work. It stays in command_line.cc: it is in headers alone, and slow to compile.
#ifndef SISKIN_SERVER_CLI_COMMAND_LINE_H_
#define SISKIN_SERVER_CLI_COMMAND_LINE_H_

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/cli/console.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace siskin::cli {

// One flag or positional argument, to be described further. A handle: copies mean the same flag,
// and are valid as long as the CommandLine.
class Flag {
 public:
  explicit Flag(CLI::Option* option) : option_(option) {}

  Flag& ValueName(const char* name);  // what the help calls its value: "SECONDS"
  Flag& ShowDefault();                // in the help: what its variable holds now
  Flag& Required();
  Flag& Env(const char* variable);  // takes its value where the flag is not given
  Flag& Delimiter(char delimiter);  // of the values of a vector

  // What is accepted; errors say what is expected and what came.
  Flag& Range(int least, int most);
  Flag& Range(double least, double most);
  Flag& Seconds(double least, double most);
  Flag& Range(absl::Duration least, absl::Duration most);  // of a flag that is a duration
  // From `least` to one lane for each core that this process may use: each lane takes memory for
  // every model, and more of them compute no more.
  Flag& Lanes(int least);
  Flag& OneOf(const std::vector<std::string>& values);
  // What `check` finds nothing wrong with: it returns the error of a value, or "".
  Flag& Check(std::function<std::string(const std::string&)> check);

  Flag& Excludes(const Flag& other);
  Flag& Needs(const Flag& other);

 private:
  CLI::Option* option_;
};

// The flags of one subcommand. A handle, as Flag is.
class Flags {
 public:
  explicit Flags(CLI::App* app) : app_(app) {}

  // Adds a flag, "--name", or a positional argument, "NAME". CommandLine::Run sets `value`, and
  // leaves it as it is if the flag is not given. A bool is a switch without a value; a vector takes
  // one value or more.
  Flag Add(const char* name, bool& value, const char* description);
  Flag Add(const char* name, int& value, const char* description);
  Flag Add(const char* name, float& value, const char* description);
  Flag Add(const char* name, double& value, const char* description);
  Flag Add(const char* name, std::string& value, const char* description);
  Flag Add(const char* name, std::filesystem::path& value, const char* description);
  Flag Add(const char* name, absl::Duration& value, const char* description);  // "25ms"
  Flag Add(const char* name, std::optional<int>& value, const char* description);
  Flag Add(const char* name, std::optional<double>& value, const char* description);
  Flag Add(const char* name, std::vector<int>& value, const char* description);
  Flag Add(const char* name, std::vector<std::string>& value, const char* description);

 private:
  CLI::App* app_;
};

class CommandLine {
 public:
  struct Info {
    const char* name;
    const char* description;
    const char* footer;  // of the help
  };
  // Runs a subcommand. Returns the exit code.
  using Runner = std::function<int(const Console&)>;

  // `version`: the answer to --version.
  CommandLine(const Info& program, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // Adds a subcommand, and returns its flags, none yet. `runner` lives as long as this, so it is
  // the place to keep the flags' variables in.
  Flags AddCommand(const Info& command, Runner runner);

  // Parses the arguments and runs the subcommand they name. Returns the exit code: kExitUsage after
  // a sentence on console.err if they are refused, kExitOk if they ask for help or the version.
  int Run(int argc, const char* const* argv, const Console& console);

 private:
  struct Command {
    CLI::App* app;  // of app_
    Runner run;
  };

  const std::unique_ptr<CLI::App> app_;
  std::vector<Command> commands_;
};

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_COMMAND_LINE_H_
