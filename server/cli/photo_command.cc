#include "server/cli/photo_command.h"

#include "CLI/CLI.hpp"
#include "server/cli/validators.h"

namespace siskin::cli {

void AddPhotoFlags(CLI::App& app, PhotoFlags& flags) {
  app.add_option("PATH", flags.paths, "Photos, or folders of photos")->type_name("...")->required();
  app.add_option("--server", flags.server, "Address of the server")
      ->type_name("ADDRESS")
      ->capture_default_str();
  app.add_option("--model", flags.model,
                 "Model to ask; may be left out if the server has only one for the task")
      ->type_name("NAME");
  app.add_option("--version", flags.version, "Its version (default: the highest)")->type_name("N");
  app.add_option("--timeout", flags.timeout, "Seconds to wait for each answer")
      ->type_name("SECONDS")
      ->check(SecondsRange(0.001, 3600))
      ->capture_default_str();
  app.add_option("--concurrency", flags.concurrency, "Requests in flight")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_flag("--json", flags.json, "Write one JSON object a line, in the order of the files");
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const PhotoFlags& flags) {
  constexpr absl::Duration kPatience = absl::Seconds(5);
  return Connect(flags.server, absl::Now() + std::min(absl::Seconds(flags.timeout), kPatience));
}

}  // namespace siskin::cli
