// The published weights of the shared folder load without a config.
#include <gtest/gtest.h>

#include <string>

#include "models/catalog.h"
#include "models/model_loader.h"
#include "tests/fakes/shared_data.h"

namespace siskin::models {
namespace {

using ops::PaddingRule::kSymmetric;
using ops::PaddingRule::kTfSame;

struct RealFile {
  std::string folder, architecture, key_style;
  double width;
  ops::PaddingRule padding;
  float mean, std;     // of the first and of the last channel
  int64_t parameters;  // of config.json
};

class RealFilesTest : public ::testing::TestWithParam<RealFile> {};

TEST_P(RealFilesTest, LoadsByItself) {
  const RealFile& file = GetParam();
  const std::string relative = "models/" + file.folder + "/model.safetensors";
  SISKIN_SKIP_WITHOUT_SHARED(relative);
  const auto checkpoint = ops::Checkpoint::Open(siskin::testing::SharedPath(relative));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto model = LoadModel(*checkpoint, LoadRequest{});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->spec->architecture, file.architecture);
  EXPECT_EQ(model->key_style, file.key_style);
  EXPECT_EQ(model->options.width, file.width);
  EXPECT_EQ(model->options.padding, file.padding);
  EXPECT_EQ(model->options.classes, 1000);
  EXPECT_EQ(model->input.height, 224);
  EXPECT_EQ(model->input.mean[0], file.mean);
  EXPECT_EQ(model->input.std[2], file.std);
  EXPECT_EQ(model->graph.ParameterCount(), file.parameters);
  EXPECT_TRUE(model->graph.IsBound());
}

TEST(RealFaceDetectorTest, LoadsByItself) {
  for (const auto& [name, side, parameters] :
       {std::tuple{"blazeface_front", 128, 101390}, {"blazeface_back", 256, 136240}}) {
    const std::string relative = std::string("models/") + name + "/model.safetensors";
    SISKIN_SKIP_WITHOUT_SHARED(relative);
    const auto checkpoint = ops::Checkpoint::Open(siskin::testing::SharedPath(relative));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    const auto model = LoadModel(*checkpoint, LoadRequest{});  // its anchors are left unread
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ(model->spec->architecture, name);
    EXPECT_EQ(model->spec->output, OutputKind::kFaceDetection);
    EXPECT_EQ(model->input, *InputPreset("blaze", side));
    EXPECT_EQ(model->graph.ParameterCount(), parameters);
  }
}

INSTANTIATE_TEST_SUITE_P(Shared, RealFilesTest,
                         ::testing::Values(RealFile{"mobilenet_v1", "mobilenet_v1", "timm", 1.0,
                                                    kTfSame, 128.f, 128.f, 4221032},
                                           RealFile{"mobilenet_v1_025", "mobilenet_v1", "timm",
                                                    0.25, kTfSame, 127.5f, 127.5f, 467336},
                                           RealFile{"mobilenet_v2", "mobilenet_v2", "torchvision",
                                                    1.0, kTfSame, 128.f, 128.f, 3487816},
                                           RealFile{"mobilenet_v3_small", "mobilenet_v3_small",
                                                    "timm-tf", 1.0, kTfSame, 128.f, 127.f, 2536800},
                                           RealFile{"shufflenet_v1_g8", "shufflenet_v1",
                                                    "imgclsmob", 1.0, kSymmetric, 123.675f, 57.375f,
                                                    2415184}),
                         [](const auto& info) { return info.param.folder; });

}  // namespace
}  // namespace siskin::models
