#include "server/cli/command_line.h"

#include <algorithm>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/cpu_budget.h"

namespace siskin::cli {
namespace {

// Options as "--lanes N (default 0)": CLI11's own rendering shows types and ranges instead.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(36); }

  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text;
    if (option->get_type_size() != 0) {
      const std::string type = option->get_type_name();
      text += " " + type.substr(0, type.find(':'));  // what follows are the checks
    }
    if (!option->get_default_str().empty()) text += " (default " + option->get_default_str() + ")";
    if (!option->get_envname().empty()) text += " (or $" + option->get_envname() + ")";
    if (option->get_required()) text += " (required)";
    return text;
  }
};

// Lists unexpected arguments as they came: CLI11's own message begins with the last.
std::string FailureMessage(const CLI::App* app, const CLI::Error& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) {
    return CLI::FailureMessage::simple(app, error);
  }
  std::vector<std::string> extras = app->remaining(/*recurse=*/true);
  std::reverse(extras.begin(), extras.end());
  return CLI::FailureMessage::simple(app, CLI::ExtrasError(extras));
}

// CLI::Range lets NaN through. `what`: "seconds".
std::string CheckNumber(const char* what, const std::string& text, double least, double most) {
  double value = 0;
  if (absl::SimpleAtod(text, &value) && value >= least && value <= most) return "";
  return absl::StrCat("expected ", what, " from ", least, " to ", most, ", got '", text, "'");
}

std::string CheckDuration(const std::string& text, absl::Duration least, absl::Duration most) {
  absl::Duration value;
  if (absl::ParseDuration(text, &value) && value >= least && value <= most) return "";
  return absl::StrCat("expected a time from ", absl::FormatDuration(least), " to ",
                      absl::FormatDuration(most), ", with its unit as in 25ms, got '", text, "'");
}

std::string CheckLanes(const std::string& text, int least) {
  const int most = DetectCpuBudget().lanes();
  int value = 0;
  if (absl::SimpleAtoi(text, &value) && value >= least && value <= most) return "";
  return absl::StrCat("expected ", least, " to ", most,
                      " lanes, one for each core that this process may use, got '", text, "'");
}

}  // namespace

Flag& Flag::ValueName(const char* name) {
  option_->type_name(name);
  return *this;
}

Flag& Flag::ShowDefault() {
  option_->capture_default_str();
  return *this;
}

Flag& Flag::Required() {
  option_->required();
  return *this;
}

Flag& Flag::Env(const char* variable) {
  option_->envname(variable);
  return *this;
}

Flag& Flag::Delimiter(char delimiter) {
  option_->delimiter(delimiter);
  return *this;
}

Flag& Flag::Range(int least, int most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

Flag& Flag::Range(double least, double most) {
  option_->check(
      [=](const std::string& text) { return CheckNumber("a number", text, least, most); });
  return *this;
}

Flag& Flag::Range(absl::Duration least, absl::Duration most) {
  option_->check([=](const std::string& text) { return CheckDuration(text, least, most); });
  return *this;
}

Flag& Flag::Check(std::function<std::string(const std::string&)> check) {
  option_->check(std::move(check));
  return *this;
}

Flag& Flag::Seconds(double least, double most) {
  option_->check(
      [=](const std::string& text) { return CheckNumber("seconds", text, least, most); });
  return *this;
}

Flag& Flag::Lanes(int least) {
  option_->check([=](const std::string& text) { return CheckLanes(text, least); });
  return *this;
}

Flag& Flag::OneOf(const std::vector<std::string>& values) {
  option_->check(CLI::IsMember(values));
  return *this;
}

Flag& Flag::Excludes(const Flag& other) {
  option_->excludes(other.option_);
  return *this;
}

Flag& Flag::Needs(const Flag& other) {
  option_->needs(other.option_);
  return *this;
}

Flag Flags::Add(const char* name, bool& value, const char* description) {
  return Flag(app_->add_flag(name, value, description));
}

Flag Flags::Add(const char* name, int& value, const char* description) {
  return Flag(app_->add_option(name, value, description));
}

Flag Flags::Add(const char* name, float& value, const char* description) {
  return Flag(app_->add_option(name, value, description));
}

Flag Flags::Add(const char* name, double& value, const char* description) {
  return Flag(app_->add_option(name, value, description));
}

Flag Flags::Add(const char* name, std::string& value, const char* description) {
  return Flag(app_->add_option(name, value, description));
}

Flag Flags::Add(const char* name, std::filesystem::path& value, const char* description) {
  return Flag(app_->add_option(name, value, description));
}

Flag Flags::Add(const char* name, absl::Duration& value, const char* description) {
  const auto set = [&value](const std::string& text) { absl::ParseDuration(text, &value); };
  CLI::Option* const option = app_->add_option_function<std::string>(name, set, description);
  option->default_function([&value] { return absl::FormatDuration(value); });
  return Flag(option);
}

Flag Flags::Add(const char* name, std::optional<int>& value, const char* description) {
  return Flag(app_->add_option(name, value, description));
}

Flag Flags::Add(const char* name, std::optional<double>& value, const char* description) {
  return Flag(app_->add_option(name, value, description));
}

Flag Flags::Add(const char* name, std::vector<int>& value, const char* description) {
  return Flag(app_->add_option(name, value, description));
}

Flag Flags::Add(const char* name, std::vector<std::string>& value, const char* description) {
  return Flag(app_->add_option(name, value, description));
}

CommandLine::CommandLine(const Info& program, const std::string& version)
    : app_(std::make_unique<CLI::App>(program.description, program.name)) {
  app_->set_version_flag("--version", version);
  app_->footer(program.footer);
  app_->require_subcommand(1);
  app_->formatter(std::make_shared<HelpFormatter>());
  app_->failure_message(FailureMessage);
}

CommandLine::~CommandLine() = default;

Flags CommandLine::AddCommand(const Info& command, Runner runner) {
  CLI::App* app = app_->add_subcommand(command.name, command.description);
  app->footer(command.footer);
  commands_.push_back({app, std::move(runner)});
  return Flags(app);
}

int CommandLine::Run(int argc, const char* const* argv, const Console& console) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 has an exit code a kind of error; ours has one for them all.
    return app_->exit(error, console.out, console.err) == 0 ? kExitOk : kExitUsage;
  }
  for (const Command& command : commands_) {
    if (command.app->parsed()) return command.run(console);
  }
  return kExitUsage;
}

}  // namespace siskin::cli
