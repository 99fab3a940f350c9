#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "server/cli/channel.h"
#include "server/cli/classify_client.h"
#include "server/cli/classify_report.h"
#include "server/cli/commands.h"
#include "server/cli/file_list.h"
#include "server/cli/progress_bar.h"
#include "server/cli/table.h"
#include "server/cli/validators.h"

namespace siskin::cli {
namespace {

constexpr size_t kManyFiles = 10;  // worth a progress bar

constexpr char kFooter[] =
    "One file gives its best classes; several give a line each. A folder stands for every .jpg,\n"
    ".jpeg, .png and .webp below it.\n"
    "Exit codes: 0 all classified, 1 some failed, 2 bad arguments, 4 no server answers.\n"
    "\n"
    "Examples:\n"
    "  siskin classify cat.jpg\n"
    "  siskin classify --model mobilenet_v2 --concurrency 16 holiday-photos/\n"
    "  siskin classify --json *.jpg | jq -r '.file + \" \" + .classifications[0].label'\n";

struct ClassifyFlags {
  std::vector<std::string> paths;
  std::string server = kDefaultServer;
  ClassifyOptions options;
  double timeout = 10;
  int concurrency = 4;
  bool json = false;
};

// Prints outcomes as they come (JSON) or together at the end, when the columns' widths are known.
class Reporter {
 public:
  Reporter(const Console& console, bool json, size_t files)
      : console_(console),
        json_(json),
        progress_(console.err, console.interactive && !json && files >= kManyFiles,
                  static_cast<int>(files)) {}

  void Take(Outcome outcome) {
    if (!outcome.status.ok()) ++failed_;
    if (!outcome.warning.empty()) warnings_.insert(outcome.warning);
    progress_.Update(++taken_);
    if (json_) {
      PrintOutcomeJson(outcome, console_.out);
    } else {
      outcomes_.push_back(std::move(outcome));
    }
  }

  int failed() const { return failed_; }
  int taken() const { return taken_; }

  void Finish() {
    progress_.Clear();
    if (outcomes_.size() == 1) {
      PrintOutcome(outcomes_.front(), console_.out);
    } else if (!outcomes_.empty()) {
      PrintOutcomes(outcomes_, console_.out);
    }
    for (const std::string& warning : warnings_) {
      console_.err << "siskin: warning: " << Printable(warning) << "\n";
    }
  }

 private:
  const Console& console_;
  const bool json_;
  ProgressBar progress_;
  std::vector<Outcome> outcomes_;
  std::set<std::string> warnings_;
  int failed_ = 0;
  int taken_ = 0;
};

int Classify(const ClassifyFlags& flags, const Console& console) {
  const auto files = ListImageFiles(flags.paths);
  if (!files.ok()) return Fail(console, files.status(), kExitUsage);
  const auto client = ClassifyClient::Connect(flags.server, flags.options);
  if (!client.ok()) return Fail(console, client.status(), kExitUnreachable);
  Reporter reporter(console, flags.json, files->size());
  ClassifyFiles(**client, *files, flags.concurrency,
                [&reporter](Outcome outcome) { reporter.Take(std::move(outcome)); });
  reporter.Finish();
  if (reporter.failed() == 0) return kExitOk;
  return Fail(console, absl::StrCat(reporter.failed(), " of ", reporter.taken(), " files failed"));
}

}  // namespace

Command AddClassifyCommand(CLI::App& parent) {
  auto flags = std::make_shared<ClassifyFlags>();
  CLI::App* app = parent.add_subcommand("classify", "Classify photos with a running server");
  app->footer(kFooter);
  app->add_option("PATH", flags->paths, "Photos, or folders of photos")
      ->type_name("...")
      ->required();
  app->add_option("--server", flags->server, "Address of the server")
      ->type_name("ADDRESS")
      ->capture_default_str();
  app->add_option("--model", flags->options.model,
                  "Model to ask; may be left out if the server has only one")
      ->type_name("NAME");
  app->add_option("--version", flags->options.version, "Its version (default: the highest)")
      ->type_name("N");
  app->add_option("--top-k", flags->options.top_k, "Classes to show for one file")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app->add_option("--timeout", flags->timeout, "Seconds to wait for each answer")
      ->type_name("SECONDS")
      ->check(SecondsRange(0.001, 3600))
      ->capture_default_str();
  app->add_option("--concurrency", flags->concurrency, "Requests in flight")
      ->type_name("N")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app->add_flag("--json", flags->json, "Write one JSON object a line, in the order of the files");
  return {app, [flags](const Console& console) {
            flags->options.timeout = absl::Seconds(flags->timeout);
            return Classify(*flags, console);
          }};
}

}  // namespace siskin::cli
