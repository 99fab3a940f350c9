#include "server/engine/loaded_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "ops/plan.h"
#include "ops/rewrite.h"
#include "server/batching/batch_policy.h"
#include "tests/fakes/tiny_model.h"

namespace siskin::engine {
namespace {

using ::siskin::testing::kTinyClasses;
using ::siskin::testing::kTinyFaceOutputs;
using ::siskin::testing::TinyFaceNetwork;
using ::siskin::testing::TinyModel;
using ::siskin::testing::TinyNetwork;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<int> PlanSizes(const LoadedModel& model) {
  std::vector<int> sizes;
  for (const auto& plan : model.plans()) sizes.push_back(plan->batch_size());
  return sizes;
}

// The copies of weights that the tiny model's plan for one batch size would hold without the
// others.
int64_t WeightBytesAlone(int batch_size) {
  const auto graph = ops::Optimize(TinyNetwork().value().graph);
  EXPECT_TRUE(graph.ok()) << graph.status();
  const auto weights = ops::MakePackedWeights();
  EXPECT_TRUE(ops::Plan::Compile(*graph, {.batch_size = batch_size}, weights).ok());
  return ops::PackedBytes(*weights);
}

TEST(LoadedModelTest, PlansArePowersOfTwoUpToTheLargestBatch) {
  EXPECT_THAT(PlanSizes(*TinyModel(1)), ElementsAre(1));
  EXPECT_THAT(PlanSizes(*TinyModel(2)), ElementsAre(2, 1));
  EXPECT_THAT(PlanSizes(*TinyModel(7)), ElementsAre(4, 2, 1));
  EXPECT_THAT(PlanSizes(*TinyModel(8)), ElementsAre(8, 4, 2, 1));
}

TEST(LoadedModelTest, TheArenaHoldsTheLargestPlan) {
  const auto model = TinyModel(4);
  size_t largest = 0;
  for (const auto& plan : model->plans()) largest = std::max(largest, plan->arena_bytes());
  EXPECT_EQ(model->arena_bytes(), largest);
  EXPECT_GT(model->arena_bytes(), TinyModel(1)->arena_bytes());
}

TEST(LoadedModelTest, PlansShareTheirWeights) {
  int64_t largest = 0, sum = 0;
  for (const int batch_size : {1, 2, 4, 8}) {
    const int64_t alone = WeightBytesAlone(batch_size);
    largest = std::max(largest, alone);
    sum += alone;
  }
  const int64_t shared = TinyModel(8)->weight_bytes();
  EXPECT_EQ(TinyModel(1)->weight_bytes(), WeightBytesAlone(1));
  EXPECT_GE(shared, largest);
  EXPECT_LT(shared, sum);
}

TEST(LoadedModelTest, TellsWhatItIs) {
  const auto model = TinyModel(2, "bird");
  EXPECT_EQ(model->name(), "bird");
  EXPECT_EQ(model->version(), "1");
  EXPECT_EQ(model->outputs(), kTinyClasses);
  EXPECT_EQ(model->features(), 256);  // a quarter of the published 1024
  EXPECT_EQ(model->spec().architecture, "mobilenet_v1");
  EXPECT_EQ(model->build_options().width, 0.25);
  EXPECT_EQ(model->input().height, siskin::testing::kTinySide);
  EXPECT_TRUE(model->random_weights());
  EXPECT_GT(model->graph().MultiplyAdds(), 0);
  EXPECT_FALSE(model->graph().IsBound());  // the plans have the weights
}

TEST(LoadedModelTest, LabelsMustMatchTheClasses) {
  LoadedModel::Options options;
  options.name = "tiny";
  options.labels = {"a", "b", "c"};
  EXPECT_EQ(LoadedModel::Compile(TinyNetwork().value(), options).status(),
            models::CheckLabels(TinyNetwork().value(), options.labels));

  options.labels.resize(kTinyClasses, "d");
  EXPECT_TRUE(LoadedModel::Compile(TinyNetwork().value(), options).ok());
}

TEST(LoadedModelTest, AFaceDetectorHasNoClassesToLabel) {
  LoadedModel::Options options;
  options.name = "faces";
  EXPECT_TRUE(LoadedModel::Compile(TinyFaceNetwork(), options).ok());
  options.labels.resize(kTinyFaceOutputs, "face");
  const auto model = LoadedModel::Compile(TinyFaceNetwork(), options);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("no classes"));
}

TEST(LoadedModelTest, AFaceDetectorAnswersForEachAnchor) {
  LoadedModel::Options options;
  options.name = "faces";
  const auto model = LoadedModel::Compile(TinyFaceNetwork(kTinyFaceOutputs - 1), options);
  EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("its 8 anchors need 136"));
}

TEST(LoadedModelTest, OptionsOutOfRangeAreRefused) {
  for (const int size : {0, -1, batching::kMaxBatchSize + 1}) {
    LoadedModel::Options options;
    options.name = "tiny";
    options.max_batch_size = size;
    EXPECT_EQ(LoadedModel::Compile(TinyNetwork().value(), options).status(),
              batching::CheckBatchSize(size));
  }
  EXPECT_EQ(LoadedModel::Compile(TinyNetwork().value(), {}).status().code(),
            absl::StatusCode::kInvalidArgument);  // no name
}

TEST(LoadedModelTest, AnUnboundNetworkIsRefused) {
  models::BoundModel model = TinyNetwork().value();
  model.graph.parameters.front().data = {};
  LoadedModel::Options options;
  options.name = "tiny";
  EXPECT_FALSE(LoadedModel::Compile(std::move(model), options).ok());
}

}  // namespace
}  // namespace siskin::engine
