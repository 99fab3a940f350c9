#include "server/repository/builtin_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "models/model_spec.h"
#include "ops/bind.h"
#include "tests/server/repository/temp_folder.h"

namespace siskin::repository {
namespace {

using ::siskin::testing::TempFolder;
using ::testing::ElementsAre;

constexpr size_t kMaxWeightBytes = 4'000'000;  // what a binary may carry of it

ModelSource Builtin() {
  const auto source = BuiltinModel();
  EXPECT_TRUE(source.ok()) << source.status();
  return source.value();
}

TEST(BuiltinModelTest, IsAClothingClassifier) {
  const ModelSource source = Builtin();
  EXPECT_EQ(source.name, "clothing");
  EXPECT_EQ(source.version, "1");
  EXPECT_THAT(source.labels, ElementsAre("dress", "hat", "longsleeve", "outerwear", "pants",
                                         "shirt", "shoes", "shorts", "skirt", "t-shirt"));
  EXPECT_LE(source.weights.size(), kMaxWeightBytes);
}

TEST(BuiltinModelTest, LoadsWithTheInputItWasTrainedWith) {
  const auto model = LoadSource(Builtin());
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->spec->architecture, "shufflenet_v2");
  EXPECT_FALSE(model->random_weights);
  EXPECT_EQ(model->graph.output_shape().channels, 10);
  EXPECT_EQ(model->input.height, 128);
  EXPECT_EQ(model->input.rule, models::ResizeRule::kStretch);
  EXPECT_EQ(model->input.interpolation, models::Interpolation::kBilinear);
  EXPECT_THAT(model->input.mean, ElementsAre(128, 128, 128));
  EXPECT_THAT(model->input.std, ElementsAre(128, 128, 128));
}

// The embedded bytes are those of the folder, which is a model folder like any other.
TEST(BuiltinModelTest, IsTheSameFromARepository) {
  TempFolder folder;
  folder.Link(SISKIN_BUILTIN_DIR "/clothing", "clothing");
  const auto sources = FindSources(folder.path());
  ASSERT_TRUE(sources.ok()) << sources.status();
  ASSERT_EQ(sources->size(), 1u);
  const ModelSource& file = sources->front();
  const ModelSource builtin = Builtin();
  EXPECT_EQ(file.name, builtin.name);
  EXPECT_EQ(file.labels, builtin.labels);
  const auto from_file = LoadSource(file);
  const auto from_memory = LoadSource(builtin);
  ASSERT_TRUE(from_file.ok()) << from_file.status();
  ASSERT_TRUE(from_memory.ok()) << from_memory.status();
  EXPECT_EQ(from_file->input, from_memory->input);
  ASSERT_EQ(from_file->graph.parameters.size(), from_memory->graph.parameters.size());
  for (size_t i = 0; i < from_file->graph.parameters.size(); ++i) {
    const auto expected = from_file->graph.parameters[i].data.values();
    const auto actual = from_memory->graph.parameters[i].data.values();
    EXPECT_TRUE(std::equal(actual.begin(), actual.end(), expected.begin(), expected.end()));
  }
}

TEST(FindSourcesTest, WithoutARepositoryThereIsTheBuiltinModel) {
  const auto sources = FindSources("");
  ASSERT_TRUE(sources.ok()) << sources.status();
  ASSERT_EQ(sources->size(), 1u);
  EXPECT_EQ(sources->front().name, kBuiltinModel);
}

TEST(FindSourcesTest, ARepositoryIsServedInstead) {
  const TempFolder empty;
  const auto sources = FindSources(empty.path());
  ASSERT_TRUE(sources.ok()) << sources.status();
  EXPECT_TRUE(sources->empty());
}

}  // namespace
}  // namespace siskin::repository
