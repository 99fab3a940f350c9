#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/pull/pull.h"
#include "tests/models/model_files.h"

namespace siskin::pull {
namespace {

using models::LoadRequest;
using ::siskin::testing::MakeNetwork;
using ::siskin::testing::Store;
using ::siskin::testing::WriteAndOpen;

// Random weights of a MobileNetV2 of width 0.35 as HF google stores it, made for 96 pixels.
class StatedDifferencesTest : public ::testing::Test {
 protected:
  LoadRequest Differences(const LoadRequest& stated) {
    const auto found = StatedDifferences(checkpoint_, stated);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : LoadRequest();
  }

  const siskin::testing::RandomNetwork network_ = MakeNetwork("mobilenet_v2", "hf-google", 0.35);
  const ops::Checkpoint checkpoint_ = WriteAndOpen(Store(network_.graph, *network_.style));
  // What the publisher's config says, all of it the default.
  LoadRequest stated_ = {.architecture = "mobilenet_v2_0.35_224",
                         .width = 0.35,
                         .resolution = 224,
                         .padding = ops::PaddingRule::kTfSame,
                         .batch_norm_epsilon = 1e-3,
                         .input = {.rule = models::ResizeRule::kShortSideThenCrop,
                                   .resize_to = 256,
                                   .interpolation = models::Interpolation::kBilinear,
                                   .mean = {{127.5, 127.5, 127.5}},
                                   .std = {{127.5, 127.5, 127.5}}}};
};

TEST_F(StatedDifferencesTest, DefaultsAreNotStated) {
  const LoadRequest found = Differences(stated_);
  EXPECT_EQ(found.architecture, "mobilenet_v2_0.35_224");
  EXPECT_EQ(found.width, std::nullopt);
  EXPECT_EQ(found.resolution, std::nullopt);
  EXPECT_EQ(found.padding, std::nullopt);
  EXPECT_EQ(found.batch_norm_epsilon, std::nullopt);
  EXPECT_EQ(found.input.rule, std::nullopt);
  EXPECT_EQ(found.input.resize_to, std::nullopt);
  EXPECT_EQ(found.input.interpolation, std::nullopt);
  EXPECT_EQ(found.input.mean, std::nullopt);
  EXPECT_EQ(found.input.std, std::nullopt);
}

TEST_F(StatedDifferencesTest, AResolutionBringsItsOwnResizing) {
  stated_.resolution = 96;
  stated_.input.resize_to = 128;
  const LoadRequest found = Differences(stated_);
  EXPECT_EQ(found.resolution, 96);
  EXPECT_EQ(found.input.resize_to, std::nullopt);
  stated_.input.resize_to = 100;
  EXPECT_EQ(Differences(stated_).input.resize_to, 100);
}

TEST_F(StatedDifferencesTest, TheFoldersNameMayChange) {
  stated_.architecture = "mobilenet_v2";
  EXPECT_EQ(Differences(stated_).resolution, 224);
  stated_.name_hint = "mobilenet_v2_0.35_96";
  EXPECT_EQ(Differences(stated_).resolution, 224);
  EXPECT_EQ(Differences({.name_hint = "mobilenet_v2"}).architecture, "mobilenet_v2");
}

TEST_F(StatedDifferencesTest, EveryDifferenceIsKept) {
  stated_.padding = ops::PaddingRule::kSymmetric;
  stated_.batch_norm_epsilon = 1e-5;
  stated_.input = {.rule = models::ResizeRule::kStretch,
                   .interpolation = models::Interpolation::kBicubic,
                   .color_order = models::ColorOrder::kBgr,
                   .mean = {{1, 2, 3}},
                   .std = {{4, 5, 6}}};
  const LoadRequest found = Differences(stated_);
  EXPECT_EQ(found.padding, stated_.padding);
  EXPECT_EQ(found.batch_norm_epsilon, stated_.batch_norm_epsilon);
  EXPECT_EQ(found.input.rule, stated_.input.rule);
  EXPECT_EQ(found.input.interpolation, stated_.input.interpolation);
  EXPECT_EQ(found.input.color_order, stated_.input.color_order);
  EXPECT_EQ(found.input.mean, stated_.input.mean);
  EXPECT_EQ(found.input.std, stated_.input.std);
}

TEST(UnpublishedWidthTest, IsStated) {
  const auto network = MakeNetwork("mobilenet_v2", "hf-google", 0.6, 10);
  const auto checkpoint = WriteAndOpen(Store(network.graph, *network.style));
  const auto found =
      StatedDifferences(checkpoint, LoadRequest{.architecture = "mobilenet_v2", .width = 0.6});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->width, 0.6);
}

TEST_F(StatedDifferencesTest, ErrorsAreTheLoaders) {
  EXPECT_THAT(StatedDifferences(checkpoint_, {.architecture = "mobilenet_v1"}).status().message(),
              ::testing::HasSubstr("does not fit mobilenet_v1"));
}

}  // namespace
}  // namespace siskin::pull
