#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/version.h"
#include "server/cli/commands.h"

namespace siskin::cli {
namespace {

constexpr char kDescription[] =
    "Siskin serves light convolutional networks on CPUs: photo or tensor in, labels, faces or "
    "an embedding out, over gRPC.";

constexpr char kFooter[] =
    "In a minute:\n"
    "  siskin serve --repository ~/models         # without it: a built-in clothing classifier\n"
    "  siskin classify photo.jpg                  # in another terminal\n"
    "\n"
    "A repository is a folder with a folder a model: ~/models/mobilenet_v2/1/model.safetensors\n"
    "and, optionally, ~/models/mobilenet_v2/labels.txt and ~/models/mobilenet_v2/model.textproto.\n"
    "'siskin COMMAND --help' tells more about a command.\n";

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

// CLI11 has an exit code a kind of error; ours has one for them all.
int ReportParseResult(const CLI::App& app, const CLI::ParseError& error, const Console& console) {
  return app.exit(error, console.out, console.err) == 0 ? kExitOk : kExitUsage;
}

}  // namespace

int RunSiskin(int argc, const char* const* argv, const Console& console) {
  try {
    CLI::App app(kDescription, "siskin");
    app.set_version_flag("--version", std::string("siskin ") + Version());
    app.footer(kFooter);
    app.require_subcommand(1);
    app.formatter(std::make_shared<HelpFormatter>());
    app.failure_message(FailureMessage);
    const std::array commands = {
#ifdef SISKIN_BUILD_PULL
        AddPullCommand(app),
#endif
        AddServeCommand(app),  AddClassifyCommand(app), AddDetectCommand(app), AddEmbedCommand(app),
        AddHealthCommand(app), AddInspectCommand(app),  AddBenchCommand(app)};
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return ReportParseResult(app, error, console);
    }
    for (const Command& command : commands) {
      if (command.app->parsed()) return command.run(console);
    }
    return kExitUsage;
  } catch (const std::exception& error) {
    return Fail(console, std::string("internal error: ") + error.what());
  }
}

}  // namespace siskin::cli
