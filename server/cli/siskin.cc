#include <exception>
#include <string>

#include "base/version.h"
#include "server/cli/command_line.h"
#include "server/cli/commands.h"

namespace siskin::cli {
namespace {

constexpr CommandLine::Info kSiskin = {
    .name = "siskin",
    .description =
        "Siskin serves light convolutional networks on CPUs: photo or tensor in, labels, faces or "
        "an embedding out, over gRPC.",
    .footer = R"(In a minute:
  siskin serve --repository ~/models         # without it: a built-in clothing classifier
  siskin classify photo.jpg                  # in another terminal

A repository is a folder with a folder a model: ~/models/mobilenet_v2/1/model.safetensors
and, optionally, ~/models/mobilenet_v2/labels.txt and ~/models/mobilenet_v2/model.textproto.
'siskin COMMAND --help' tells more about a command.
)",
};

}  // namespace

int RunSiskin(int argc, const char* const* argv, const Console& console) {
  try {
    CommandLine siskin(kSiskin, std::string("siskin ") + Version());
#ifdef SISKIN_BUILD_PULL
    AddPullCommand(siskin);
#endif
    AddServeCommand(siskin);
    AddClassifyCommand(siskin);
    AddDetectCommand(siskin);
    AddEmbedCommand(siskin);
    AddHealthCommand(siskin);
    AddInspectCommand(siskin);
    AddBenchCommand(siskin);
    AddSimulateCommand(siskin);
    return siskin.Run(argc, argv, console);
  } catch (const std::exception& error) {
    return Fail(console, std::string("internal error: ") + error.what());
  }
}

}  // namespace siskin::cli
