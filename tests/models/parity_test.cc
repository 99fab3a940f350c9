// Every network, with random weights, against an independent PyTorch reference
// (tests/reference/export_goldens.py): tests/golden/logits.safetensors.
//
// Weights are BindRandom's, drawn by the keys of the published files, so that a layer under a wrong
// name gets other weights than in the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "models/catalog.h"
#include "ops/bind.h"
#include "ops/checkpoint.h"
#include "ops/plan.h"
#include "ops/rewrite.h"
#include "tests/reference/plan_runner.h"
#include "tests/reference/random_input.h"
#include "tests/reference/reference_executor.h"

namespace siskin::models {
namespace {

using siskin::testing::GoldenImages;
using siskin::testing::PlanRunner;
using siskin::testing::RelativeError;

constexpr uint64_t kSeed = 7;
constexpr int kImages = 3;
constexpr double kTolerance = 1e-4;

const ops::Checkpoint& Goldens() {
  static const auto* goldens = [] {
    auto opened = ops::Checkpoint::Open(SISKIN_GOLDEN_DIR "/logits.safetensors");
    if (!opened.ok()) {
      std::cerr << opened.status() << std::endl;
      std::abort();
    }
    return new ops::Checkpoint(*std::move(opened));
  }();
  return *goldens;
}

// "<architecture>[.<form>].<width>.<key style>", the width with one dot.
struct Case {
  std::string name, architecture, form, key_style;
  double width = 1.0;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

Case ParseCase(const std::string& name) {
  std::vector<std::string> parts = absl::StrSplit(name, '.');
  Case c = {.name = name, .architecture = parts.front(), .key_style = parts.back()};
  const size_t count = parts.size();
  c.width = std::stod(absl::StrCat(parts.at(count - 3), ".", parts.at(count - 2)));
  if (count == 5) c.form = parts[1];
  return c;
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const auto& [key, entry] : Goldens().tensors()) {
    const std::string name = key.substr(0, key.find('/'));
    if (cases.empty() || cases.back().name != name) cases.push_back(ParseCase(name));
  }
  return cases;
}

// Where activations saturate, weights that let them grow make the network amplify the rounding of
// float32: the reference makes them a little smaller.
void ScaleSaturating(const Case& c, ops::Graph& graph) {
  constexpr float kScale = 0.875f;
  if (!c.name.starts_with("mobilenet_v3") && !c.name.starts_with("mobilenext")) return;
  for (ops::Parameter& parameter : graph.parameters) {
    if (parameter.shape.size() < 2) continue;
    std::vector<float> values(parameter.data.values().begin(), parameter.data.values().end());
    for (float& value : values) value *= kScale;
    parameter.data = ops::TensorData(std::move(values));
  }
}

// The network with random weights, drawn under the names of its style.
ops::Graph NetworkOf(const Case& c, int classes) {
  const ModelSpec* spec = FindArchitecture(c.architecture);
  const KeyStyle* style = spec->FindKeyStyle(c.key_style);
  BuildOptions options = OptionsOf(*spec, *style);
  options.width = c.width;
  options.form = c.form;
  options.classes = classes;
  absl::StatusOr<ops::Graph> graph = spec->Build(options);
  EXPECT_TRUE(graph.ok()) << graph.status();
  for (ops::Parameter& parameter : graph->parameters) {
    const size_t dot = parameter.key.rfind('.');
    parameter.key = style->LayerName(parameter.key.substr(0, dot)) + parameter.key.substr(dot);
  }
  ops::Graph bound = ops::BindRandom(*graph, kSeed);
  ScaleSaturating(c, bound);
  absl::StatusOr<ops::Graph> optimized = ops::Optimize(bound);
  EXPECT_TRUE(optimized.ok()) << optimized.status();
  return *std::move(optimized);
}

// The golden outputs of a case, image by image; a detector's are its scores, then its boxes.
std::vector<float> ExpectedOutputs(const std::string& name) {
  std::vector<ops::TensorData> parts;
  for (const std::string& key : {name, name + "/scores", name + "/boxes"}) {
    if (Goldens().Contains(key)) parts.push_back(*Goldens().Read(key));
  }
  std::vector<float> outputs;
  for (int image = 0; image < kImages; ++image) {
    for (const ops::TensorData& part : parts) {
      const size_t size = part.values().size() / kImages;
      const auto row = part.values().subspan(image * size, size);
      outputs.insert(outputs.end(), row.begin(), row.end());
    }
  }
  return outputs;
}

class ParityTest : public ::testing::TestWithParam<Case> {};

TEST_P(ParityTest, EqualsTheReference) {
  const Case& c = GetParam();
  const ModelSpec* spec = FindArchitecture(c.architecture);
  ASSERT_NE(spec, nullptr) << c.architecture;
  ASSERT_NE(spec->FindKeyStyle(c.key_style), nullptr) << c.key_style;
  const std::vector<float> expected = ExpectedOutputs(c.name);
  const ops::Graph graph = NetworkOf(c, static_cast<int>(expected.size()) / kImages);
  ASSERT_EQ(graph.output_shape().elements() * kImages, static_cast<int64_t>(expected.size()));
  const std::vector<float> images = GoldenImages(graph.input_shape(), kImages);
  const auto weights = ops::MakePackedWeights();
  for (int batch_size : {1, kImages}) {
    const auto plan = ops::Plan::Compile(graph, {.batch_size = batch_size}, weights);
    ASSERT_TRUE(plan.ok()) << plan.status();
    PlanRunner runner(*plan);
    std::vector<float> outputs, features;
    const size_t batch = images.size() / kImages * batch_size;
    for (size_t i = 0; i < images.size(); i += batch) {
      const auto output = runner.Run(absl::MakeConstSpan(images).subspan(i, batch));
      outputs.insert(outputs.end(), output.begin(), output.end());
      const auto pooled = runner.workspace->features();
      features.insert(features.end(), pooled.begin(), pooled.end());
    }
    EXPECT_LE(RelativeError(outputs, expected), kTolerance) << "batch " << batch_size;
    if (Goldens().Contains(c.name + "/features")) {
      const ops::TensorData pooled = *Goldens().Read(c.name + "/features");  // of one image
      EXPECT_LE(RelativeError(features, pooled.values()), kTolerance) << "features";
    }
  }
}

std::string NameOf(const ::testing::TestParamInfo<Case>& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Goldens, ParityTest, ::testing::ValuesIn(Cases()), NameOf);

TEST(ParityCoverageTest, EveryStyleOfEveryNetworkHasAGolden) {
  std::set<std::string> covered;
  for (const Case& c : Cases()) covered.insert(absl::StrCat(c.architecture, " ", c.key_style));
  for (const ModelSpec& spec : Catalog()) {
    for (const KeyStyle& style : spec.key_styles) {
      EXPECT_TRUE(covered.contains(absl::StrCat(spec.architecture, " ", style.name)))
          << spec.architecture << " " << style.name;
    }
  }
}

}  // namespace
}  // namespace siskin::models
