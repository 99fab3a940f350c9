#include <array>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/family.h"
#include "server/cli/commands.h"
#include "server/cli/inspect_report.h"
#include "server/cli/progress_bar.h"
#include "server/cli/table.h"
#include "server/pull/pull.h"

namespace siskin::cli {
namespace {

constexpr char kFooter[] =
    "SOURCE is one of\n"
    "  OWNER/NAME    a model of the Hugging Face hub, with the config of timm or transformers\n"
    "  https://...   a file of weights: safetensors, or what torch.save wrote\n"
    "  FILE          the same on this machine\n"
    "Files of torch are converted without executing anything that is in them. The model appears "
    "in\n"
    "the repository when it is complete and loads; a download that broke off goes on the next "
    "time.\n"
    "\n"
    "Environment: HF_TOKEN for private or gated models (sent to the hub only), HF_ENDPOINT for a\n"
    "mirror, http_proxy, https_proxy and no_proxy, SSL_CERT_FILE for certificate authorities.\n"
    "\n"
    "Examples:\n"
    "  siskin pull timm/mobilenetv2_100.ra_in1k --repository ~/models\n"
    "  siskin pull google/mobilenet_v2_1.0_224 --repository ~/models\n"
    "  siskin pull https://download.pytorch.org/models/mobilenet_v2-b0353104.pth --as "
    "mobilenet_v2\n"
    "  siskin pull ./checkpoint.pth.tar --architecture mobilenext_1.0 --as mobilenext\n";

constexpr int64_t kKibibyte = 1024;

struct PullFlags {
  pull::PullRequest request;
  bool insecure_http = false;
};

// The first of the variables that is set and not empty.
std::string Environment(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return std::string(absl::StripAsciiWhitespace(value));
  }
  return "";
}

pull::PullOptions OptionsOf(const PullFlags& flags) {
  pull::PullOptions options;
  if (std::string endpoint = Environment({"HF_ENDPOINT"}); !endpoint.empty()) {
    options.endpoint = endpoint;
  }
  options.download.token = Environment({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"});
  options.download.insecure_http = flags.insecure_http;
  return options;
}

std::string DescribeLabels(const pull::PullResult& result) {
  if (result.labels == 0) return "none";
  if (result.assumed_labels) return "ImageNet-1k's, since the network has 1000 classes";
  return absl::StrCat(result.labels, ", from the source");
}

std::string Triple(const std::array<float, 3>& values) {
  return absl::StrCat("[", absl::StrJoin(values, ", "), "]");
}

void PrintResult(const pull::PullResult& result, const PullFlags& flags, std::ostream& out) {
  const models::BoundModel& model = result.model;
  Table table({{"model"}, {result.name}});
  table.AddRow({"version", absl::StrCat(flags.request.version)});
  table.AddRow({"network", absl::StrCat(model.spec->title, ", width ",
                                        models::WidthLabel(model.options.width))});
  table.AddRow({"key style", model.key_style});
  if (model.spec->output == models::OutputKind::kClassification) {
    table.AddRow({"classes", absl::StrCat(model.options.classes)});
    table.AddRow({"labels", DescribeLabels(result)});
  }
  table.AddRow({"input", absl::StrCat(model.graph.input_shape().ToString(), ", ",
                                      DescribePreprocessing(model.input))});
  table.AddRow({"normalised", absl::StrCat("(pixel - ", Triple(model.input.mean), ") / ",
                                           Triple(model.input.std))});
  table.AddRow({"weights", absl::StrCat(result.weights.string(), ", ", HumanBytes(result.bytes))});
  table.AddRow({"source's SHA-256", result.sha256});
  table.Print(out);
  out << "\nServe it with: siskin serve --repository " << flags.request.repository.string() << "\n";
}

// One bar a file.
class DownloadProgress {
 public:
  explicit DownloadProgress(const Console& console) : console_(console) {}

  void Update(int64_t done, int64_t total) {
    if (total != total_) {
      bar_.emplace(console_.err, console_.interactive, total / kKibibyte, "KiB");
      total_ = total;
    }
    if (total > 0) bar_->Update(done / kKibibyte);
  }
  void Clear() {
    bar_.reset();
    total_ = 0;
  }

 private:
  const Console& console_;
  std::optional<ProgressBar> bar_;
  int64_t total_ = 0;
};

int RunPull(const PullFlags& flags, const Console& console) {
  if (flags.request.repository.empty()) {
    return Fail(console,
                "pull needs a place: give --repository DIR (or set SISKIN_REPOSITORY); it is made "
                "if it does not exist",
                kExitUsage);
  }
  pull::PullOptions options = OptionsOf(flags);
  DownloadProgress progress(console);
  options.download.on_progress = [&progress](int64_t done, int64_t total) {
    progress.Update(done, total);
  };
  options.download.on_retry = [&](const absl::Status& why, absl::Duration wait) {
    progress.Clear();
    console.err << "siskin: " << std::string(why.message()) << "; trying again in "
                << absl::FormatDuration(wait) << "\n";
  };
  const absl::StatusOr<pull::PullResult> result = pull::Pull(flags.request, options);
  progress.Clear();
  if (!result.ok()) return Fail(console, result.status());
  PrintResult(*result, flags, console.out);
  return kExitOk;
}

void AddFlags(CLI::App& app, PullFlags& flags) {
  pull::PullRequest& request = flags.request;
  app.add_option("SOURCE", request.source, "What to pull")->type_name("")->required();
  app.add_option("--repository", request.repository, "Folder of models to pull into")
      ->type_name("DIR")
      ->envname("SISKIN_REPOSITORY");
  app.add_option("--as", request.name, "Name of the model (default: the source's)")
      ->type_name("NAME");
  app.add_option("--architecture", request.architecture,
                 "Network or variant, where the source does not say ('siskin inspect' lists them)")
      ->type_name("NAME");
  app.add_option("--version", request.version, "Version of the model to pull it as")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  app.add_option("--revision", request.revision, "Branch, tag or commit of the hub")
      ->type_name("REVISION")
      ->capture_default_str();
  app.add_option("--sha256", request.sha256, "Checksum that the source's file must have")
      ->type_name("HEX");
  app.add_flag("--force", request.replace,
               "Replace the version if it is there, and the model's labels and config");
  app.add_flag("--insecure-http", flags.insecure_http, "Allow plain http, which is not verified");
}

}  // namespace

Command AddPullCommand(CLI::App& parent) {
  auto flags = std::make_shared<PullFlags>();
  CLI::App* app = parent.add_subcommand("pull", "Fetch published weights into a repository");
  app->footer(kFooter);
  AddFlags(*app, *flags);
  return {app, [flags](const Console& console) { return RunPull(*flags, console); }};
}

}  // namespace siskin::cli
