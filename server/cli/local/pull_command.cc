#include <array>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/family.h"
#include "server/cli/command_line.h"
#include "server/cli/commands.h"
#include "server/cli/local/model_facts.h"
#include "server/pull/pull.h"

namespace siskin::cli {
namespace {

constexpr CommandLine::Info kPull = {
    .name = "pull",
    .description = "Fetch published weights into a repository",
    .footer = R"(SOURCE is one of
  OWNER/NAME    a model of the Hugging Face hub, with the config of timm or transformers
  https://...   a file of weights: safetensors, or what torch.save wrote
  FILE          the same on this machine
Files of torch are converted without executing anything that is in them. The model appears in
the repository when it is complete and loads; a download that broke off goes on the next time.

Environment: HF_TOKEN for private or gated models (sent to the hub only), HF_ENDPOINT for a
mirror, http_proxy, https_proxy and no_proxy, SSL_CERT_FILE for certificate authorities.

Examples:
  siskin pull timm/mobilenetv2_100.ra_in1k --repository ~/models
  siskin pull google/mobilenet_v2_1.0_224 --repository ~/models
  siskin pull https://download.pytorch.org/models/mobilenet_v2-b0353104.pth --as mobilenet_v2
  siskin pull ./checkpoint.pth.tar --architecture mobilenext_1.0 --as mobilenext
)",
};

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

}  // namespace

void AddPullCommand(CommandLine& siskin) {
  auto values = std::make_shared<PullFlags>();
  pull::PullRequest& request = values->request;
  Flags flags = siskin.AddCommand(
      kPull, [values](const Console& console) { return RunPull(*values, console); });
  flags.Add("SOURCE", request.source, "What to pull").ValueName("").Required();
  flags.Add("--repository", request.repository, "Folder of models to pull into")
      .ValueName("DIR")
      .Env("SISKIN_REPOSITORY");
  flags.Add("--as", request.name, "Name of the model (default: the source's)").ValueName("NAME");
  flags
      .Add("--architecture", request.architecture,
           "Network or variant, where the source does not say ('siskin inspect' lists them)")
      .ValueName("NAME");
  flags.Add("--version", request.version, "Version of the model to pull it as")
      .ValueName("N")
      .Range(1, 1'000'000'000)
      .ShowDefault();
  flags.Add("--revision", request.revision, "Branch, tag or commit of the hub")
      .ValueName("REVISION")
      .ShowDefault();
  flags.Add("--sha256", request.sha256, "Checksum that the source's file must have")
      .ValueName("HEX");
  flags.Add("--force", request.replace,
            "Replace the version if it is there, and the model's labels and config");
  flags.Add("--insecure-http", values->insecure_http, "Allow plain http, which is not verified");
}

}  // namespace siskin::cli
