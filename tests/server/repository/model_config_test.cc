#include "server/repository/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"

namespace siskin::repository {
namespace {

using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::Optional;

TEST(ParseModelConfigTest, NothingIsNeeded) {
  const ParsedConfig config = ParseModelConfig("model.textproto", "").value();
  EXPECT_EQ(config.load.architecture, "");
  EXPECT_EQ(config.load.key_style, "");
  EXPECT_EQ(config.load.width, std::nullopt);
  EXPECT_EQ(config.load.resolution, std::nullopt);
  EXPECT_EQ(config.load.padding, std::nullopt);
  EXPECT_EQ(config.load.batch_norm_epsilon, std::nullopt);
  EXPECT_EQ(config.load.input_preset, std::nullopt);
  EXPECT_EQ(config.load.input.rule, std::nullopt);
  EXPECT_EQ(config.load.input.resize_to, std::nullopt);
  EXPECT_EQ(config.load.input.crop_fraction, std::nullopt);
  EXPECT_EQ(config.load.input.interpolation, std::nullopt);
  EXPECT_EQ(config.load.input.color_order, std::nullopt);
  EXPECT_EQ(config.load.input.mean, std::nullopt);
  EXPECT_EQ(config.load.input.std, std::nullopt);
  EXPECT_EQ(config.queue.max_batch_size, std::nullopt);
  EXPECT_EQ(config.queue.policy, std::nullopt);
  EXPECT_EQ(config.queue.max_delay, std::nullopt);
  EXPECT_TRUE(config.queue.preferred_batch_sizes.empty());
  EXPECT_EQ(config.queue.capacity, std::nullopt);
  EXPECT_EQ(config.queue.weight, std::nullopt);
  EXPECT_EQ(config.queue.target_delay, std::nullopt);
  EXPECT_EQ(config.load.form, std::nullopt);
  EXPECT_EQ(config.dilation_pattern_file, "");
}

TEST(ParseModelConfigTest, EveryFieldArrives) {
  const ParsedConfig config = ParseModelConfig("model.textproto", R"pb(
                                # As published by TF-slim.
                                architecture: "mobilenet_v1"
                                key_style: "timm"
                                width: 0.25
                                padding: PADDING_TF_SAME
                                batch_norm_epsilon: 0.001
                                input {
                                  preset: "tf_slim"
                                  size: 128
                                  resize_rule: RESIZE_RULE_CROP_FRACTION
                                  crop_fraction: 0.9
                                  interpolation: INTERPOLATION_BICUBIC
                                  color_order: COLOR_ORDER_BGR
                                  mean: [ 127.5, 0, -1 ]
                                  std: 128
                                  std: 64
                                  std: 1
                                }
                                batching {
                                  max_batch_size: 16
                                  max_delay_microseconds: 2500
                                  queue_capacity: 512
                                  policy: BATCH_POLICY_FIXED
                                  preferred_batch_size: [ 4, 8 ]
                                  weight: 2.5
                                  target_delay_microseconds: 50000
                                }
                                form: "h"
                                dilation_pattern_file: "own.json"
                              )pb")
                                  .value();
  EXPECT_EQ(config.load.architecture, "mobilenet_v1");
  EXPECT_EQ(config.load.key_style, "timm");
  EXPECT_THAT(config.load.width, Optional(0.25));
  EXPECT_THAT(config.load.padding, Optional(ops::PaddingRule::kTfSame));
  EXPECT_THAT(config.load.batch_norm_epsilon, Optional(0.001));
  EXPECT_THAT(config.load.input_preset, Optional(std::string("tf_slim")));
  EXPECT_THAT(config.load.resolution, Optional(128));
  EXPECT_THAT(config.load.input.rule, Optional(models::ResizeRule::kCropFraction));
  EXPECT_THAT(config.load.input.crop_fraction, Optional(0.9));
  EXPECT_THAT(config.load.input.interpolation, Optional(models::Interpolation::kBicubic));
  EXPECT_THAT(config.load.input.color_order, Optional(models::ColorOrder::kBgr));
  EXPECT_THAT(config.load.input.mean, Optional(std::array<float, 3>{127.5f, 0.f, -1.f}));
  EXPECT_THAT(config.load.input.std, Optional(std::array<float, 3>{128.f, 64.f, 1.f}));
  EXPECT_THAT(config.queue.max_batch_size, Optional(16));
  EXPECT_THAT(config.queue.max_delay, Optional(absl::Microseconds(2500)));
  EXPECT_THAT(config.queue.capacity, Optional(512));
  EXPECT_THAT(config.queue.policy, Optional(batching::BatchPolicy::kFixed));
  EXPECT_EQ(config.queue.preferred_batch_sizes, (std::vector<int>{4, 8}));
  EXPECT_THAT(config.queue.weight, Optional(2.5));
  EXPECT_THAT(config.queue.target_delay, Optional(absl::Milliseconds(50)));
  EXPECT_THAT(config.load.form, Optional(std::string("h")));
  EXPECT_EQ(config.dilation_pattern_file, "own.json");
}

TEST(ParseModelConfigTest, TheOtherChoicesArriveToo) {
  const ParsedConfig shorter = ParseModelConfig("model.textproto", R"pb(
                                 padding: PADDING_SYMMETRIC
                                 input {
                                   resize_rule: RESIZE_RULE_SHORT_SIDE_THEN_CROP
                                   resize_to: 232
                                   interpolation: INTERPOLATION_BILINEAR
                                   color_order: COLOR_ORDER_RGB
                                 }
                               )pb")
                                   .value();
  EXPECT_THAT(shorter.load.padding, Optional(ops::PaddingRule::kSymmetric));
  EXPECT_THAT(shorter.load.input.rule, Optional(models::ResizeRule::kShortSideThenCrop));
  EXPECT_THAT(shorter.load.input.resize_to, Optional(232));
  EXPECT_THAT(shorter.load.input.interpolation, Optional(models::Interpolation::kBilinear));
  EXPECT_THAT(shorter.load.input.color_order, Optional(models::ColorOrder::kRgb));
  const std::pair<const char*, models::ResizeRule> rules[] = {
      {"input { resize_rule: RESIZE_RULE_STRETCH }", models::ResizeRule::kStretch},
      {"input { resize_rule: RESIZE_RULE_LETTERBOX }", models::ResizeRule::kLetterbox}};
  for (const auto& [text, rule] : rules) {
    EXPECT_THAT(ParseModelConfig("model.textproto", text).value().load.input.rule, Optional(rule));
  }
}

TEST(ParseModelConfigTest, TheEndsOfEachRangeAreInIt) {
  for (const char* text : {"width: 0.01",
                           "width: 8",
                           "batch_norm_epsilon: 1e-12",
                           "batch_norm_epsilon: 1",
                           "input { size: 1 }",
                           "input { size: 4096 }",
                           "input { resize_to: 1 }",
                           "input { resize_to: 4096 }",
                           "input { crop_fraction: 0.01 }",
                           "input { crop_fraction: 1 }",
                           "input { mean: [-65536, 0, 65536] }",
                           "input { std: [0.001, 1, 65536] }",
                           "batching { max_batch_size: 1 }",
                           "batching { max_batch_size: 256 }",
                           "batching { max_delay_microseconds: 0 }",
                           "batching { max_delay_microseconds: 1000000 }",
                           "batching { max_batch_size: 1 queue_capacity: 1 }",
                           "batching { policy: BATCH_POLICY_AUTO }",
                           "batching { policy: BATCH_POLICY_AUTO max_delay_microseconds: 0 }",
                           "batching { preferred_batch_size: [1, 8] }",
                           "batching { weight: 0.001 }",
                           "batching { weight: 1000 }",
                           "batching { target_delay_microseconds: 1 }",
                           "batching { target_delay_microseconds: 60000000 }",
                           "batching { queue_capacity: 65536 }"}) {
    EXPECT_TRUE(ParseModelConfig("model.textproto", text).ok()) << text;
  }
}

struct BadConfig {
  const char* text;
  const char* message;  // after the path
};

class BadConfigTest : public ::testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigTest, IsRefusedWithItsPlace) {
  const absl::Status status = ParseModelConfig("m/model.textproto", GetParam().text).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << GetParam().text;
  EXPECT_THAT(std::string(status.message()),
              ::testing::StartsWith(std::string("m/model.textproto") + GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Syntax, BadConfigTest,
    ::testing::Values(
        BadConfig{"width: 1\n  widht: 2",
                  ":2:8: Message type \"siskin.v1.ModelConfig\" has no field named \"widht\""},
        BadConfig{"input {\n  sise: 1\n}", ":2:7: Message type \"siskin.v1.InputConfig\" has no"},
        BadConfig{"width: 1\nwidth: 2", ":2:6: Non-repeated field \"width\" is specified multiple"},
        BadConfig{"width: \"wide\"", ":1:8: "}, BadConfig{"width", ":1:6: "},
        BadConfig{"input {", ":1:8: "}, BadConfig{"architecture: \"mobile", ":1:"},
        BadConfig{"{ \"width\": 1 }", ":1:1: "},
        BadConfig{"padding: PADDING_VALID", ":1:23: Unknown enumeration value"},
        BadConfig{"input { size: -1 }", ":1:15: "},
        BadConfig{"input { size: 4294967296 }", ":1:15: "}));

INSTANTIATE_TEST_SUITE_P(
    Values, BadConfigTest,
    ::testing::Values(
        BadConfig{"\n\n  width: 0", ":3:3: \"width\" is 0; expected 0.01 to 8"},
        BadConfig{"width: 8.5", ":1:1: \"width\" is 8.5;"},
        BadConfig{"width: -1", ":1:1: \"width\" is -1;"},
        BadConfig{"width: nan", ":1:1: \"width\" is nan;"},
        BadConfig{"width: inf", ":1:1: \"width\" is inf;"},
        BadConfig{"batch_norm_epsilon: 0", ":1:1: \"batch_norm_epsilon\" is 0;"},
        BadConfig{"dilation_pattern_file: \"/own.json\"",
                  ":1:1: \"dilation_pattern_file\" is an absolute path; expected one relative"},
        BadConfig{"padding: 7", ":1:1: \"padding\" is 7, which has no meaning"},
        BadConfig{"input { size: 0 }", ":1:9: \"size\" is 0; expected 1 to 4096"},
        BadConfig{"input { size: 4097 }", ":1:9: \"size\" is 4097;"},
        BadConfig{"input { resize_to: 0 }", ":1:9: \"resize_to\" is 0;"},
        BadConfig{"input { crop_fraction: 1.1 }", ":1:9: \"crop_fraction\" is 1.1;"},
        BadConfig{"input { crop_fraction: 0 }", ":1:9: \"crop_fraction\" is 0;"},
        BadConfig{"input { resize_rule: -3 }", ":1:9: \"resize_rule\" is -3"},
        BadConfig{"input { interpolation: 9 }", ":1:9: \"interpolation\" is 9,"},
        BadConfig{"input { color_order: 9 }", ":1:9: \"color_order\" is 9,"},
        BadConfig{"input {\n mean: 1\n mean: 2\n}", ":2:2: \"mean\" has 2 values; expected 3"},
        BadConfig{"input { std: [1, 2, 3, 4] }", ":1:9: \"std\" has 4 values; expected 3"},
        BadConfig{"input { std: [1, 0, 3] }", ":1:9: \"std\" is 0;"},
        BadConfig{"input { std: [1, -2, 3] }", ":1:9: \"std\" is -2;"},
        BadConfig{"input { mean: [1, nan, 3] }", ":1:9: \"mean\" is nan;"},
        BadConfig{"input { mean: [1, 2, 1e300] }", ":1:9: \"mean\" is inf;"}));

INSTANTIATE_TEST_SUITE_P(
    Batching, BadConfigTest,
    ::testing::Values(
        BadConfig{
            "batching { max_batch_size: 0 }",
            ":1:12: \"max_batch_size\" is out of range: expected a batch size of 1 to 256, got 0"},
        BadConfig{"batching { max_batch_size: 300 }",
                  ":1:12: \"max_batch_size\" is out of range: expected a batch size of 1 to 256, "
                  "got 300"},
        BadConfig{"batching { max_batch_size: 4294967295 }", ":1:12: \"max_batch_size\" is out of"},
        BadConfig{"batching { max_delay_microseconds: 1000001 }",
                  ":1:12: \"max_delay_microseconds\" is 1000001; expected 0 to 1000000"},
        BadConfig{"batching { queue_capacity: 0 }", ":1:12: \"queue_capacity\" is 0;"},
        BadConfig{"batching { queue_capacity: 4294967295 }",
                  ":1:12: \"queue_capacity\" is 4294967295; expected 1 to 65536"},
        BadConfig{"batching { queue_capacity: 7 }",
                  ":1:12: \"queue_capacity\" is 7, less than a batch of 8"},
        BadConfig{"batching { weight: 0 }", ":1:12: \"weight\" is 0; expected 0.001 to 1000"},
        BadConfig{"batching { weight: -1 }", ":1:12: \"weight\" is -1;"},
        BadConfig{"batching { weight: nan }", ":1:12: \"weight\" is nan;"},
        BadConfig{"batching { weight: 1001 }", ":1:12: \"weight\" is 1001;"},
        BadConfig{"batching { target_delay_microseconds: 0 }",
                  ":1:12: \"target_delay_microseconds\" is 0; expected 1 to 60000000"},
        BadConfig{"batching { target_delay_microseconds: 60000001 }",
                  ":1:12: \"target_delay_microseconds\" is 60000001;"},
        BadConfig{"batching { policy: 3 }", ":1:12: \"policy\" is 3, which has no meaning"},
        BadConfig{"batching { policy: BATCH_POLICY_AUTO max_delay_microseconds: 1 }",
                  ":1:38: \"max_delay_microseconds\" needs policy: BATCH_POLICY_FIXED"},
        BadConfig{"batching { policy: BATCH_POLICY_AUTO preferred_batch_size: 4 }",
                  ":1:38: \"preferred_batch_size\" needs policy: BATCH_POLICY_FIXED"},
        BadConfig{"batching { preferred_batch_size: 9 }",
                  ":1:12: \"preferred_batch_size\" is out of range: expected preferred batch sizes "
                  "that ascend, from 1 to the largest batch of 8; got 9"},
        BadConfig{"batching { preferred_batch_size: 0 }", ":1:12: \"preferred_batch_size\" is out"},
        BadConfig{"batching { preferred_batch_size: 4294967295 }",
                  ":1:12: \"preferred_batch_size\" is out"},
        BadConfig{"batching { preferred_batch_size: [4, 4] }",
                  ":1:12: \"preferred_batch_size\" is out"}));

INSTANTIATE_TEST_SUITE_P(
    Contradictions, BadConfigTest,
    ::testing::Values(
        BadConfig{"input { resize_rule: RESIZE_RULE_STRETCH resize_to: 256 }",
                  ":1:42: \"resize_to\" needs resize_rule: RESIZE_RULE_SHORT_SIDE_THEN_CROP"},
        BadConfig{"input { crop_fraction: 0.8 resize_rule: RESIZE_RULE_STRETCH }",
                  ":1:9: \"crop_fraction\" needs resize_rule: RESIZE_RULE_CROP_FRACTION"}));

TEST(ParseModelConfigTest, AKnobWithoutARuleIsForThePresets) {
  const ParsedConfig config =
      ParseModelConfig("model.textproto", "input { preset: \"tv256\" resize_to: 288 }").value();
  EXPECT_THAT(config.load.input.resize_to, Optional(288));
}

TEST(ParseModelConfigTest, AnyBytesAreAnError) {
  for (const std::string& text : {std::string("\0", 1), std::string("\xFF\xFE"),
                                  std::string(1000, '{'), std::string(1000, '<')}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseModelConfig("m", text).status())) << text;
  }
}

void ExpectSame(const models::LoadRequest& found, const models::LoadRequest& stated) {
  EXPECT_EQ(found.architecture, stated.architecture);
  EXPECT_EQ(found.key_style, stated.key_style);
  EXPECT_EQ(found.form, stated.form);
  EXPECT_EQ(found.width, stated.width);
  EXPECT_EQ(found.resolution, stated.resolution);
  EXPECT_EQ(found.padding, stated.padding);
  EXPECT_EQ(found.batch_norm_epsilon, stated.batch_norm_epsilon);
  EXPECT_EQ(found.input_preset, stated.input_preset);
  EXPECT_EQ(found.input.rule, stated.input.rule);
  EXPECT_EQ(found.input.resize_to, stated.input.resize_to);
  EXPECT_EQ(found.input.crop_fraction, stated.input.crop_fraction);
  EXPECT_EQ(found.input.interpolation, stated.input.interpolation);
  EXPECT_EQ(found.input.color_order, stated.input.color_order);
  EXPECT_EQ(found.input.mean, stated.input.mean);
  EXPECT_EQ(found.input.std, stated.input.std);
}

TEST(FormatModelConfigTest, IsReadBackAsItWas) {
  models::LoadRequest load = {.architecture = "mobilenet_v2",
                              .key_style = "timm",
                              .form = "h",
                              .width = 0.35,
                              .resolution = 96,
                              .padding = ops::PaddingRule::kTfSame,
                              .batch_norm_epsilon = 0.001,
                              .input_preset = "google",
                              .input = {.rule = models::ResizeRule::kShortSideThenCrop,
                                        .resize_to = 128,
                                        .interpolation = models::Interpolation::kBicubic,
                                        .color_order = models::ColorOrder::kBgr,
                                        .mean = {{123.675f, 116.28f, 103.53f}},
                                        .std = {{58.395f, 57.12f, 57.375f}}}};
  ExpectSame(ParseModelConfig("m", FormatModelConfig(load)).value().load, load);
  load.input = {.rule = models::ResizeRule::kCropFraction, .crop_fraction = 0.875};
  ExpectSame(ParseModelConfig("m", FormatModelConfig(load)).value().load, load);
}

TEST(FormatModelConfigTest, WhatIsNotStatedIsNotWritten) {
  EXPECT_EQ(FormatModelConfig({}), "");
  EXPECT_EQ(FormatModelConfig({.architecture = "mobilenet_v1", .resolution = 160}),
            "architecture: \"mobilenet_v1\"\ninput {\n  size: 160\n}\n");
}

}  // namespace
}  // namespace siskin::repository
