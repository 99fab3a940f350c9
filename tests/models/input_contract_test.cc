#include "models/input_contract.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "models/catalog.h"

namespace siskin::models {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

InputContract Preset(std::string_view name, int size) {
  const auto contract = InputPreset(name, size);
  EXPECT_TRUE(contract.ok()) << contract.status();
  return contract.value_or(InputContract{});
}

TEST(InputPresetTest, EveryPresetIsValidAtEveryPublishedSize) {
  for (const std::string& name : InputPresetNames()) {
    for (int size : {96, 128, 160, 192, 224, 256, 299}) {
      const InputContract contract = Preset(name, size);
      EXPECT_TRUE(Validate(contract).ok()) << name << " " << Validate(contract);
      EXPECT_EQ(contract.height, size);
      EXPECT_EQ(contract.width, size);
    }
  }
}

TEST(InputPresetTest, EveryPresetOfTheCatalogExists) {
  for (const ModelSpec& spec : Catalog()) {
    for (const KeyStyle& style : spec.key_styles) {
      EXPECT_TRUE(InputPreset(style.input_preset, 224).ok()) << style.input_preset;
    }
    for (const Variant& variant : spec.variants) {
      if (variant.input_preset.empty()) continue;
      EXPECT_TRUE(InputPreset(variant.input_preset, 224).ok()) << variant.input_preset;
    }
  }
}

TEST(InputPresetTest, ResizesAsThePublishersPrint) {
  EXPECT_EQ(Preset("tv256", 224).resize_to, 256);
  EXPECT_EQ(Preset("tv232", 224).resize_to, 232);
  EXPECT_EQ(Preset("timm", 224).resize_to, 256);
  EXPECT_EQ(Preset("timm", 192).resize_to, 219);  // floor(192 / 0.875)
  EXPECT_EQ(Preset("timm", 299).resize_to, 341);
  EXPECT_EQ(Preset("timm_half_90", 224).resize_to, 248);
  EXPECT_EQ(Preset("timm_half_95", 224).resize_to, 235);
  EXPECT_EQ(Preset("google", 224).resize_to, 256);
  EXPECT_EQ(Preset("google", 192).resize_to, 224);
  EXPECT_EQ(Preset("google", 96).resize_to, 128);
}

TEST(InputPresetTest, HasThePublishersNumbers) {
  const InputContract tv = Preset("tv256", 224);
  EXPECT_EQ(tv.interpolation, Interpolation::kBilinear);
  EXPECT_THAT(tv.mean,
              ElementsAre(FloatEq(.485f * 255), FloatEq(.456f * 255), FloatEq(.406f * 255)));
  EXPECT_THAT(tv.std,
              ElementsAre(FloatEq(.229f * 255), FloatEq(.224f * 255), FloatEq(.225f * 255)));
  EXPECT_EQ(Preset("timm", 224).interpolation, Interpolation::kBicubic);
  EXPECT_EQ(Preset("timm", 224).mean, tv.mean);
  for (const char* name : {"timm_half", "timm_half_90", "google", "tf_slim", "blaze"}) {
    EXPECT_THAT(Preset(name, 224).mean, ElementsAre(127.5f, 127.5f, 127.5f)) << name;
    EXPECT_THAT(Preset(name, 224).std, ElementsAre(127.5f, 127.5f, 127.5f)) << name;
  }
  const InputContract slim = Preset("tf_slim", 224);
  EXPECT_EQ(slim.rule, ResizeRule::kCropFraction);
  EXPECT_EQ(slim.crop_fraction, 0.875);
  EXPECT_EQ(Preset("blaze", 128).rule, ResizeRule::kLetterbox);
}

TEST(InputPresetTest, UnknownNameListsTheKnown) {
  const auto contract = InputPreset("imagenet", 224);
  EXPECT_EQ(contract.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(contract.status().message(), HasSubstr("\"imagenet\""));
  for (const std::string& name : InputPresetNames()) {
    EXPECT_THAT(contract.status().message(), HasSubstr(name));
  }
}

TEST(InputPresetTest, SizeIsBounded) {
  for (int size : {-1, 0, 4097, std::numeric_limits<int>::max()}) {
    EXPECT_EQ(InputPreset("google", size).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(ValidateTest, NamesTheFieldThatIsWrong) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const struct {
    std::string field;
    std::function<void(InputContract&)> spoil;
  } cases[] = {
      {"height", [](InputContract& c) { c.height = 0; }},
      {"width", [](InputContract& c) { c.width = 5000; }},
      {"resize_to", [](InputContract& c) { c.resize_to = 223; }},
      {"resize_to", [](InputContract& c) { c.resize_to = 1 << 20; }},
      {"crop_fraction",
       [](InputContract& c) { c.rule = ResizeRule::kCropFraction, c.crop_fraction = 0; }},
      {"crop_fraction",
       [](InputContract& c) { c.rule = ResizeRule::kCropFraction, c.crop_fraction = kNan; }},
      {"crop_fraction",
       [](InputContract& c) { c.rule = ResizeRule::kCropFraction, c.crop_fraction = 1.01; }},
      {"width", [](InputContract& c) { c.rule = ResizeRule::kLetterbox, c.width = 225; }},
      {"mean", [](InputContract& c) { c.mean[1] = kNan; }},
      {"std", [](InputContract& c) { c.std[2] = 0; }},
      {"std", [](InputContract& c) { c.std[0] = std::numeric_limits<float>::infinity(); }},
  };
  EXPECT_TRUE(Validate(InputContract{}).ok());
  for (const auto& [field, spoil] : cases) {
    InputContract contract;
    spoil(contract);
    const absl::Status status = Validate(contract);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << field;
    EXPECT_THAT(status.message(), HasSubstr("input " + field + " is ")) << field;
  }
}

}  // namespace
}  // namespace siskin::models
