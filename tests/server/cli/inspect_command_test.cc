#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "models/catalog.h"
#include "nlohmann/json.hpp"
#include "server/cli/local/catalogue.h"
#include "tests/server/cli/cli_fixture.h"

namespace siskin::cli {
namespace {

using ::siskin::testing::CliResult;
using ::siskin::testing::kTinyModel;
using ::siskin::testing::RunCli;
using ::siskin::testing::TempFolder;
using ::siskin::testing::WriteText;
using ::siskin::testing::WriteTinyCheckpoint;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(InspectCatalogueTest, ListsEveryVariant) {
  const CliResult table = RunCli({"inspect"});
  ASSERT_EQ(table.exit_code, 0) << table.err;
  const CliResult result = RunCli({"inspect", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  size_t variants = 0;
  for (const models::ModelSpec& spec : models::Catalog()) {
    variants += spec.variants.size();
    for (const models::Variant& variant : spec.variants) {
      EXPECT_THAT(table.out, HasSubstr(variant.name));
    }
  }
  EXPECT_EQ(json["catalogue"].size(), variants);
}

TEST(InspectCatalogueTest, MarkdownHasTheMainVariants) {
  const CliResult result = RunCli({"inspect", "--markdown"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const models::ModelSpec& spec : models::Catalog()) {
    EXPECT_THAT(result.out, HasSubstr("| " + spec.title + " | `"));
  }
  EXPECT_THAT(result.out, HasSubstr("| MobileNetV2 | `mobilenet_v2-b0353104` | 3.50 M |"));
  EXPECT_THAT(result.out, HasSubstr("| MobileNetV1 | `mobilenetv1_100h` |"));
  EXPECT_THAT(result.out, HasSubstr("| ShuffleNetV1 | `shufflenetv1_g8_1.0x` |"));
  EXPECT_THAT(result.out, Not(HasSubstr("mobilenetv2_050")));
  EXPECT_THAT(result.out, Not(HasSubstr("f32 ms")));
}

TEST(InspectCatalogueTest, WholeMarkdownNamesEveryNetworkOnce) {
  const CliResult result = RunCli({"inspect", "--markdown", "--all"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("| MobileNetV2 | `mobilenetv2_050` | 1.97 M |"));
  EXPECT_THAT(result.out, HasSubstr("| MobileNetV2 | `mobilenet_v2-b0353104` | 3.50 M |"));
  EXPECT_THAT(result.out, Not(HasSubstr("mobilenet_v2-7ebf99e0")));  // the same network
  EXPECT_THAT(result.out, Not(HasSubstr("mobilenet_v2_1.0_192")));
}

// `siskin inspect --markdown --all --latency` writes its table; times differ from run to run.
TEST(InspectCatalogueTest, NetworksPageIsUpToDate) {
  std::ifstream file(SISKIN_NETWORKS_PAGE);
  std::vector<std::string> table;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("|"))
      table.push_back(line.substr(0, line.rfind('|', line.size() - 2) + 1));
  }
  const CliResult result = RunCli({"inspect", "--markdown", "--all"});
  EXPECT_EQ(absl::StrJoin(table, "\n") + "\n", result.out);
}

TEST(InspectCatalogueTest, AllAndLatencyNeedMarkdown) {
  EXPECT_EQ(RunCli({"inspect", "--all"}).exit_code, 2);
  EXPECT_EQ(RunCli({"inspect", "--latency"}).exit_code, 2);
}

TEST(MeasureLatenciesTest, FillsTheColumn) {
  auto listed = ListCatalogue();
  ASSERT_TRUE(listed.ok()) << listed.status();
  CatalogueRows tiny;
  for (CatalogueRow& row : *listed) {
    if (row.variant->name == kTinyModel) tiny.push_back(std::move(row));
  }
  const absl::Status measured = MeasureLatencies(absl::Milliseconds(1), tiny);
  ASSERT_TRUE(measured.ok()) << measured;
  ASSERT_EQ(tiny.size(), 1u);
  EXPECT_GT(tiny.front().latency, absl::ZeroDuration());
  std::ostringstream out;
  PrintCatalogueMarkdown(tiny, out);
  EXPECT_THAT(out.str(), HasSubstr(" weights | f32 ms |\n"));
  EXPECT_THAT(out.str(), HasSubstr("oneDNN"));
}

TEST(InspectModelTest, FactsAreThoseOfThePaper) {
  const CliResult result = RunCli({"inspect", "mobilenet_v2", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["architecture"], "mobilenet_v2");
  EXPECT_EQ(json["parameters"], 3'504'872);
  EXPECT_EQ(json["input"], "3x224x224");
  EXPECT_EQ(json["classes"], 1000);
  EXPECT_EQ(json["random_weights"], true);
  EXPECT_GE(json["memory"]["packed_weight_bytes"], 3'400'000 * 4);
  EXPECT_GT(json["memory"]["arena_bytes_per_lane"], 0);
  EXPECT_FALSE(json.contains("plan"));
}

TEST(InspectModelTest, LayersSumUpToTheModel) {
  const CliResult result = RunCli({"inspect", kTinyModel, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  int64_t parameters = 0;
  int64_t multiply_adds = 0;
  for (const auto& layer : json["layers"]) {
    parameters += layer["parameters"].get<int64_t>();
    multiply_adds += layer["multiply_adds"].get<int64_t>();
  }
  EXPECT_EQ(parameters, json["parameters"]);
  EXPECT_EQ(multiply_adds, json["multiply_adds"]);
  EXPECT_EQ(json["layers"][0]["op"], "conv 3x3 s2");
  EXPECT_EQ(json["layers"][0]["output"], "8x64x64");
  EXPECT_EQ(json["layers"].back()["op"], "linear");
}

TEST(InspectModelTest, PlanNamesTheKernelOfEveryStep) {
  const CliResult result = RunCli({"inspect", kTinyModel, "--plan", "--batch", "2", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["memory"]["batch"], 2);
  ASSERT_GE(json["plan"].size(), 29u);  // 27 convolutions, pool, linear
  for (const auto& step : json["plan"]) {
    EXPECT_FALSE(step["implementation"].get<std::string>().empty()) << step;
    EXPECT_GE(step["micro_batch"], 1) << step;
    EXPECT_LE(step["micro_batch"], 2) << step;
  }
}

TEST(InspectModelTest, TableShowsLayersAndPlan) {
  const CliResult result = RunCli({"inspect", kTinyModel, "--plan"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* text : {"blocks.4.1.conv_pw", "depthwise conv 3x3", "weights packed", "a lane",
                           "implementation", "micro batch", "random"}) {
    EXPECT_THAT(result.out, HasSubstr(text));
  }
}

TEST(InspectModelTest, GraphIsTheCanonicalDump) {
  const CliResult result = RunCli({"inspect", "mobilenet_v2", "--graph"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const models::ModelSpec* spec = models::FindArchitecture("mobilenet_v2");
  EXPECT_EQ(result.out, spec->Build({})->Dump());
}

TEST(InspectModelTest, GraphNeedsAModelAndIsNoJson) {
  EXPECT_EQ(RunCli({"inspect", "--graph"}).exit_code, 2);
  EXPECT_EQ(RunCli({"inspect", "mobilenet_v2", "--graph", "--json"}).exit_code, 2);
}

TEST(InspectModelTest, UnknownNetworkSaysWhatThereIs) {
  const CliResult result = RunCli({"inspect", "resnet_9000"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("mobilenet_v2"));
}

class InspectRepositoryTest : public ::testing::Test {
 protected:
  void SetUp() override { WriteTinyCheckpoint(folder_ / "tiny/3/model.safetensors"); }
  TempFolder folder_;
};

TEST_F(InspectRepositoryTest, ListsModels) {
  const CliResult result = RunCli({"inspect", "--repository", folder_.path(), "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  ASSERT_EQ(json["models"].size(), 1u);
  EXPECT_EQ(json["models"][0]["name"], "tiny");
  EXPECT_EQ(json["models"][0]["version"], "3");
  EXPECT_EQ(json["models"][0]["architecture"], "mobilenet_v1");
  EXPECT_EQ(json["models"][0]["variant"], kTinyModel);
}

TEST_F(InspectRepositoryTest, ShowsOneModelInDetail) {
  const CliResult result = RunCli({"inspect", "--repository", folder_.path(), "tiny"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("conv_stem"));
  EXPECT_THAT(result.out, Not(HasSubstr("random")));
}

TEST_F(InspectRepositoryTest, ABrokenModelDoesNotHideTheOthers) {
  WriteText(folder_ / "broken/1/model.safetensors", "this is no safetensors file");
  const CliResult result = RunCli({"inspect", "--repository", folder_.path()});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("does not load"));
  EXPECT_THAT(result.out, HasSubstr("tiny"));
  EXPECT_THAT(result.err, HasSubstr("broken version 1: " + folder_ / "broken/1/model.safetensors"));
}

TEST_F(InspectRepositoryTest, ABrokenModelIsNamedOnce) {
  WriteText(folder_ / "broken/1/model.safetensors", "this is no safetensors file");
  const CliResult result = RunCli({"inspect", "--repository", folder_.path(), "broken"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              HasSubstr("model broken version 1: " + folder_ / "broken/1/model.safetensors"));
}

TEST_F(InspectRepositoryTest, UnknownModelAndVersionAreNamed) {
  const CliResult model = RunCli({"inspect", "--repository", folder_.path(), "huge"});
  EXPECT_EQ(model.exit_code, 1);
  EXPECT_THAT(model.err, HasSubstr("no model 'huge', only tiny"));
  const CliResult version =
      RunCli({"inspect", "--repository", folder_.path(), "tiny", "--version", "4"});
  EXPECT_EQ(version.exit_code, 1);
  EXPECT_THAT(version.err, HasSubstr("no version 4, only 3"));
}

}  // namespace
}  // namespace siskin::cli
