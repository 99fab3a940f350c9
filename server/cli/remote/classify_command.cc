#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "server/cli/commands.h"
#include "server/cli/remote/photo_command.h"
#include "siskin/v1/classifier.grpc.pb.h"

namespace siskin::cli {
namespace {

constexpr CommandLine::Info kClassify = {
    .name = "classify",
    .description = "Classify photos with a running server",
    .footer =
        R"(One file gives its best classes; several give a line each. A folder stands for every .jpg,
.jpeg, .png and .webp below it.
Exit codes: 0 all classified, 1 some failed, 2 bad arguments, 4 no server answers.

Examples:
  siskin classify cat.jpg
  siskin classify --model mobilenet_v2 --concurrency 16 holiday-photos/
  siskin classify --json *.jpg | jq -r '.file + " " + .classifications[0].label'
)",
};

struct ClassifyFlags {
  PhotoFlags photos;
  int top_k = 5;
};

struct Label {
  int index = 0;
  std::string name;  // "class 7" if the model has no labels
  double probability = 0;
};

class Labels : public PhotoAnswer {
 public:
  explicit Labels(const v1::ClassifyResponse& response) {
    for (const v1::Classification& best : response.classifications()) {
      std::string name = best.label().empty() ? absl::StrCat("class ", best.index()) : best.label();
      labels_.push_back({static_cast<int>(best.index()), std::move(name), best.probability()});
    }
  }

  void Print(std::ostream& out) const override {
    constexpr auto kRight = Table::Align::kRight;
    Table table({{"probability", kRight}, {"class", kRight}, {"label"}});
    for (const Label& label : labels_) {
      table.AddRow({Percent(label.probability), absl::StrCat(label.index), label.name});
    }
    table.Print(out);
  }

  Summary Summarise() const override {
    if (labels_.empty()) return {"-", "-"};
    return {Percent(labels_.front().probability), labels_.front().name};
  }

  nlohmann::ordered_json ToJson() const override {
    auto labels = nlohmann::ordered_json::array();
    for (const Label& label : labels_) {
      labels.push_back(
          {{"index", label.index}, {"label", label.name}, {"probability", label.probability}});
    }
    return {{"classifications", std::move(labels)}};
  }

 private:
  std::vector<Label> labels_;  // best first
};

Outcome ClassifyPhoto(v1::Classifier::Stub& stub, const ClassifyFlags& flags,
                      const std::string& file) {
  v1::ClassifyRequest request;
  request.set_top_k(static_cast<uint32_t>(flags.top_k));
  v1::ClassifyResponse response;
  Outcome outcome = CallWithPhoto(stub, &v1::Classifier::Stub::Classify, std::move(request), file,
                                  flags.photos, response);
  if (outcome.status.ok()) outcome.answer = std::make_shared<Labels>(response);
  return outcome;
}

int Classify(const ClassifyFlags& flags, const Console& console) {
  const auto files = ListPhotos(flags.photos.paths);
  if (!files.ok()) return Fail(console, files.status(), kExitUsage);
  const auto channel = Connect(flags.photos);
  if (!channel.ok()) return Fail(console, channel.status(), kExitUnreachable);
  const auto stub = v1::Classifier::NewStub(*channel);
  const auto call = [&](size_t i) { return ClassifyPhoto(*stub, flags, (*files)[i]); };
  return RunPhotoCalls(files->size(), flags.photos, call, {"probability", "label"}, console);
}

}  // namespace

void AddClassifyCommand(CommandLine& siskin) {
  auto values = std::make_shared<ClassifyFlags>();
  Flags flags = siskin.AddCommand(
      kClassify, [values](const Console& console) { return Classify(*values, console); });
  AddPhotoFlags(values->photos, flags);
  flags.Add("--top-k", values->top_k, "Classes to show for one file")
      .ValueName("N")
      .Range(1, 1 << 20)
      .ShowDefault();
}

}  // namespace siskin::cli
