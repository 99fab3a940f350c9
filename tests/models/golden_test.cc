// Published weights give their published outputs.
#include <gtest/gtest.h>

#include <algorithm>

#include "models/model_loader.h"
#include "ops/bind.h"
#include "ops/checkpoint.h"
#include "ops/plan.h"
#include "ops/rewrite.h"
#include "tests/fakes/shared_data.h"
#include "tests/reference/reference_executor.h"

namespace siskin::models {
namespace {

using siskin::testing::Evaluate;
using siskin::testing::RelativeError;
using siskin::testing::SharedPath;

constexpr double kGoldenTolerance = 1e-4;
// Batches are summed in another order than single images, in float32.
constexpr double kBatchTolerance = 1e-5;

std::vector<float> Infer(const ops::Graph& graph, int batch_size, absl::Span<const float> images) {
  const auto plan = ops::Plan::Compile(graph, {.batch_size = batch_size}, ops::MakePackedWeights());
  EXPECT_TRUE(plan.ok()) << plan.status();
  ops::Arena arena((*plan)->arena_bytes());
  const auto workspace = (*plan)->MakeWorkspace(arena.bytes());
  EXPECT_TRUE(workspace.ok()) << workspace.status();
  const size_t batch_elements = graph.input_shape().elements() * batch_size;
  std::vector<float> outputs;
  for (size_t i = 0; i < images.size(); i += batch_elements) {
    const auto batch = images.subspan(i, batch_elements);
    std::copy(batch.begin(), batch.end(), (*workspace)->input().begin());
    EXPECT_TRUE((*plan)->Run(**workspace).ok());
    const auto output = (*workspace)->output();
    outputs.insert(outputs.end(), output.begin(), output.end());
  }
  return outputs;
}

// Of each image: logits, or the scores and boxes of a face detector.
std::vector<float> ReadOutputs(const ops::Checkpoint& golden, int images) {
  const std::vector<std::string> keys = golden.Contains("logits")
                                            ? std::vector<std::string>{"logits"}
                                            : std::vector<std::string>{"scores", "boxes"};
  std::vector<float> outputs;
  for (int image = 0; image < images; ++image) {
    for (const std::string& key : keys) {
      const ops::TensorData data = golden.Read(key).value();
      const size_t size = data.values().size() / images;
      const auto values = data.values().subspan(image * size, size);
      outputs.insert(outputs.end(), values.begin(), values.end());
    }
  }
  return outputs;
}

class GoldenTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string weights =
        SharedPath("models/" + std::string(GetParam()) + "/model.safetensors");
    const std::string golden =
        SharedPath("models/golden/" + std::string(GetParam()) + ".safetensors");
    SISKIN_SKIP_WITHOUT_SHARED(weights);
    SISKIN_SKIP_WITHOUT_SHARED(golden);
    auto checkpoint = ops::Checkpoint::Open(weights);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    auto model = LoadModel(*checkpoint, {.name_hint = GetParam()});
    ASSERT_TRUE(model.ok()) << model.status();
    original_ = model->graph;
    auto optimized = ops::Optimize(original_);
    ASSERT_TRUE(optimized.ok()) << optimized.status();
    optimized_ = *std::move(optimized);
    const auto expected = ops::Checkpoint::Open(golden);
    ASSERT_TRUE(expected.ok()) << expected.status();
    input_ = *expected->Read("input");
    outputs_ = ReadOutputs(*expected, /*images=*/2);
  }

  ops::Graph original_, optimized_;
  ops::TensorData input_;
  std::vector<float> outputs_;
};

TEST_P(GoldenTest, OutputsMatch) {
  EXPECT_LE(RelativeError(Infer(optimized_, 1, input_.values()), outputs_), kGoldenTolerance);
  EXPECT_LE(RelativeError(Infer(optimized_, 2, input_.values()), outputs_), kGoldenTolerance);
}

TEST_P(GoldenTest, BatchesEqualSingles) {
  std::vector<float> images;
  for (int i = 0; i < 4; ++i) {
    images.insert(images.end(), input_.values().begin(), input_.values().end());
  }
  const std::vector<float> singles = Infer(optimized_, 1, images);
  for (int batch_size : {2, 4, 8}) {
    EXPECT_LE(RelativeError(Infer(optimized_, batch_size, images), singles), kBatchTolerance)
        << "batch of " << batch_size;
  }
}

TEST_P(GoldenTest, RewrittenEqualsOriginal) {
  // Every layer in double precision, one image: the rewrites and nothing else.
  const auto image = input_.values().subspan(0, original_.input_shape().elements());
  EXPECT_LE(RelativeError(Evaluate(optimized_, image), Evaluate(original_, image)), 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTest,
                         ::testing::Values("mobilenet_v1", "mobilenet_v1_025", "mobilenet_v2",
                                           "mobilenet_v3_small", "shufflenet_v1_g8",
                                           "blazeface_front", "blazeface_back"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace siskin::models
