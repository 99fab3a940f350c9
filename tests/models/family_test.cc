#include "models/family.h"

#include <gtest/gtest.h>

namespace siskin::models {
namespace {

TEST(MakeDivisibleTest, RoundsToMultiplesButNotMuchDown) {
  EXPECT_EQ(MakeDivisible(240 / 4.0), 64);  // halves go up
  EXPECT_EQ(MakeDivisible(59.9), 56);
  EXPECT_EQ(MakeDivisible(11.2), 16);  // 8 is over 10 % down
  EXPECT_EQ(MakeDivisible(214, 16), 208);
  EXPECT_EQ(MakeDivisible(25, 16), 32);
  EXPECT_EQ(MakeDivisible(3, 16), 16);  // the least
}

TEST(ScaleChannelsTest, RoundsToMultiplesOf8ButNotMuchDown) {
  EXPECT_EQ(ScaleChannels(32, 1.0, ChannelRule::kMultipleOf8), 32);
  EXPECT_EQ(ScaleChannels(24, 0.35, ChannelRule::kMultipleOf8), 8);    // 8.4
  EXPECT_EQ(ScaleChannels(32, 0.35, ChannelRule::kMultipleOf8), 16);   // 11.2: 8 is over 10 % down
  EXPECT_EQ(ScaleChannels(160, 0.35, ChannelRule::kMultipleOf8), 56);  // 56 exactly
  EXPECT_EQ(ScaleChannels(1280, 1.4, ChannelRule::kMultipleOf8), 1792);
  EXPECT_EQ(ScaleChannels(16, 0.1, ChannelRule::kMultipleOf8), 8);  // the least
}

TEST(ScaleChannelsTest, TruncatesAsTfSlimV1) {
  EXPECT_EQ(ScaleChannels(32, 0.35, ChannelRule::kTruncated), 11);
  EXPECT_EQ(ScaleChannels(1024, 0.75, ChannelRule::kTruncated), 768);
  EXPECT_EQ(ScaleChannels(32, 0.1, ChannelRule::kTruncated), 8);
}

TEST(ScaleChannelsTest, RoundsFirstAsHfV2) {
  // 8.64: 8 is 7 % down from it, but 11 % down from 9.
  EXPECT_EQ(ScaleChannels(32, 0.27, ChannelRule::kMultipleOf8), 8);
  EXPECT_EQ(ScaleChannels(32, 0.27, ChannelRule::kRoundedMultipleOf8), 16);
}

// Why one table of variants serves all styles.
TEST(ScaleChannelsTest, RulesAgreeAtPublishedWidths) {
  for (double width : {0.25, 0.5, 0.75, 1.0, 1.25}) {
    for (int channels : {32, 64, 128, 256, 512, 1024}) {
      EXPECT_EQ(ScaleChannels(channels, width, ChannelRule::kMultipleOf8),
                ScaleChannels(channels, width, ChannelRule::kTruncated))
          << channels << " at " << width;
    }
  }
  for (double width : {0.35, 0.5, 0.75, 1.0, 1.3, 1.4}) {
    for (int channels : {32, 16, 24, 64, 96, 160, 320}) {
      EXPECT_EQ(ScaleChannels(channels, width, ChannelRule::kMultipleOf8),
                ScaleChannels(channels, width, ChannelRule::kRoundedMultipleOf8))
          << channels << " at " << width;
    }
  }
}

TEST(WidthLabelTest, IsThePublishersSpelling) {
  EXPECT_EQ(WidthLabel(1), "1.0");
  EXPECT_EQ(WidthLabel(0.35), "0.35");
  EXPECT_EQ(WidthLabel(1.4), "1.4");
}

TEST(MapLayersTest, KeepsNamesThatAreNotInTheTable) {
  const auto map = MapLayers({{"conv_stem", "stem"}});
  EXPECT_EQ(map("conv_stem"), "stem");
  EXPECT_EQ(map("conv_head"), "conv_head");
}

}  // namespace
}  // namespace siskin::models
