#include "server/pull/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siskin::pull {
namespace {

using models::Interpolation;
using models::ResizeRule;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// As timm writes it.
constexpr char kTimm[] = R"({
  "architecture": "mobilenetv2_100", "num_classes": 1000, "num_features": 1280,
  "global_pool": "avg",
  "pretrained_cfg": {
    "tag": "ra_in1k", "custom_load": false, "input_size": [3, 224, 224],
    "fixed_input_size": false, "interpolation": "bicubic", "crop_pct": 0.875,
    "crop_mode": "center", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
    "num_classes": 1000, "pool_size": [7, 7], "first_conv": "conv_stem",
    "classifier": "classifier"}})";

// As transformers writes them, shortened.
constexpr char kTransformers[] = R"({
  "architectures": ["MobileNetV2ForImageClassification"], "depth_multiplier": 0.35,
  "hidden_act": "relu6", "id2label": {"0": "background", "1": "tench, Tinca tinca", "2": "goldfish"},
  "image_size": 96, "layer_norm_eps": 0.001, "model_type": "mobilenet_v2", "tf_padding": true})";
constexpr char kPreprocessor[] = R"({
  "crop_size": {"height": 96, "width": 96}, "do_center_crop": true, "do_normalize": true,
  "image_mean": [0.5, 0.5, 0.5], "image_processor_type": "MobileNetV2ImageProcessor",
  "image_std": [0.5, 0.5, 0.5], "resample": 2, "rescale_factor": 0.00392156862745098,
  "size": {"shortest_edge": 128}})";

HubModel Read(const std::string& config, const std::string& preprocessor = "") {
  const auto model = ReadHubConfig(config, preprocessor);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : HubModel();
}

std::string Error(const std::string& config, const std::string& preprocessor = "") {
  return std::string(ReadHubConfig(config, preprocessor).status().message());
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  EXPECT_NE(text.find(from), std::string::npos);
  return text.replace(text.find(from), from.size(), to);
}

TEST(TimmConfigTest, GivesNetworkAndInput) {
  const HubModel model = Read(kTimm);
  EXPECT_EQ(model.load.architecture, "mobilenetv2_100.ra_in1k");
  EXPECT_EQ(model.load.resolution, 224);
  EXPECT_EQ(model.load.input.rule, ResizeRule::kShortSideThenCrop);
  EXPECT_EQ(model.load.input.resize_to, 256);
  EXPECT_EQ(model.load.input.interpolation, Interpolation::kBicubic);
  EXPECT_THAT(*model.load.input.mean, ElementsAre(123.675f, 116.28f, 103.53f));
  EXPECT_THAT(*model.load.input.std, ElementsAre(58.395f, 57.12f, 57.375f));
  EXPECT_THAT(model.labels, IsEmpty());
}

TEST(TimmConfigTest, ResizeIsRoundedDown) {
  std::string config = Replaced(kTimm, "[3, 224, 224]", "[3, 299, 299]");
  EXPECT_EQ(Read(Replaced(config, "0.875", "0.8975")).load.input.resize_to, 333);
  EXPECT_EQ(Read(Replaced(config, "0.875", "1.0")).load.input.resize_to, 299);
}

TEST(TimmConfigTest, OldFilesAreFlat) {
  const HubModel model = Read(
      R"({"architecture": "mobilenetv2_050", "input_size": [3, 192, 192], "mean": [0.5, 0.5, 0.5]})");
  EXPECT_EQ(model.load.architecture, "mobilenetv2_050");
  EXPECT_EQ(model.load.resolution, 192);
  EXPECT_THAT(*model.load.input.mean, ElementsAre(127.5f, 127.5f, 127.5f));
  EXPECT_FALSE(model.load.input.std.has_value());
}

TEST(TimmConfigTest, LabelsOfAFineTunedModel) {
  EXPECT_THAT(Read(R"({"architecture": "x", "label_names": ["cat", "dog"]})").labels,
              ElementsAre("cat", "dog"));
}

TEST(TimmConfigTest, UnusableFieldsAreNamed) {
  EXPECT_THAT(Error(Replaced(kTimm, "\"bicubic\"", "\"lanczos\"")),
              AllOf(HasSubstr("\"interpolation\": \"lanczos\""), HasSubstr("\"bicubic\" or")));
  EXPECT_THAT(Error(Replaced(kTimm, "\"center\"", "\"squash\"")), HasSubstr("\"crop_mode\""));
  EXPECT_THAT(Error(Replaced(kTimm, "[3, 224, 224]", "[3, 224, 192]")), HasSubstr("input_size"));
  EXPECT_THAT(Error(Replaced(kTimm, "[3, 224, 224]", "[1, 224, 224]")), HasSubstr("input_size"));
  EXPECT_THAT(Error(Replaced(kTimm, "[3, 224, 224]", "[3, 1e9, 1e9]")), HasSubstr("input_size"));
  EXPECT_THAT(Error(Replaced(kTimm, "[0.485, 0.456, 0.406]", "[0.485]")), HasSubstr("\"mean\""));
  EXPECT_THAT(Error(Replaced(kTimm, "0.875", "0")), HasSubstr("crop_pct"));
  EXPECT_THAT(Error(Replaced(kTimm, "0.875", "\"x\"")), HasSubstr("crop_pct"));
}

TEST(TransformersConfigTest, GivesNetworkInputAndLabels) {
  const HubModel model = Read(kTransformers, kPreprocessor);
  EXPECT_EQ(model.load.architecture, "mobilenet_v2_0.35_96");
  EXPECT_EQ(model.load.width, 0.35);
  EXPECT_EQ(model.load.resolution, 96);
  EXPECT_EQ(model.load.batch_norm_epsilon, 1e-3);
  EXPECT_EQ(model.load.padding, ops::PaddingRule::kTfSame);
  EXPECT_EQ(model.load.input.rule, ResizeRule::kShortSideThenCrop);
  EXPECT_EQ(model.load.input.resize_to, 128);
  EXPECT_EQ(model.load.input.interpolation, Interpolation::kBilinear);
  EXPECT_THAT(*model.load.input.mean, ElementsAre(127.5f, 127.5f, 127.5f));
  EXPECT_THAT(*model.load.input.std, ElementsAre(127.5f, 127.5f, 127.5f));
  EXPECT_THAT(model.labels, ElementsAre("tench, Tinca tinca", "goldfish"));
}

TEST(TransformersConfigTest, UnpublishedSizesHaveTheNetworksName) {
  EXPECT_EQ(Read(Replaced(kTransformers, "0.35", "0.36")).load.architecture, "mobilenet_v2");
  EXPECT_EQ(Read(Replaced(kTransformers, "96", "97")).load.architecture, "mobilenet_v2");
}

TEST(TransformersConfigTest, OlderPreprocessorsHaveNumbers) {
  const HubModel model = Read(kTransformers, R"({"crop_size": 96, "size": 128})");
  EXPECT_EQ(model.load.resolution, 96);
  EXPECT_EQ(model.load.input.resize_to, 128);
}

TEST(TransformersConfigTest, InputIsTheNetworksWithoutAPreprocessor) {
  const HubModel model = Read(kTransformers);
  EXPECT_FALSE(model.load.input.rule.has_value());
  EXPECT_FALSE(model.load.input.mean.has_value());
}

TEST(TransformersConfigTest, LabelsOfItsOwn) {
  EXPECT_THAT(
      Read(R"({"model_type": "mobilenet_v1", "id2label": {"0": "cat", "1": "dog"}})").labels,
      ElementsAre("cat", "dog"));
  EXPECT_THAT(Error(R"({"model_type": "mobilenet_v1", "id2label": {"0": "cat", "2": "dog"}})"),
              HasSubstr("id2label"));
}

TEST(TransformersConfigTest, UnusableFieldsAreNamed) {
  EXPECT_THAT(Error(kTransformers, Replaced(kPreprocessor, "\"resample\": 2", "\"resample\": 1")),
              HasSubstr("\"resample\": 1"));
  EXPECT_THAT(Error(kTransformers, Replaced(kPreprocessor, "shortest_edge", "longest_edge")),
              HasSubstr("shortest_edge"));
  EXPECT_THAT(Error(kTransformers, "[]"), HasSubstr("preprocessor_config.json is no JSON object"));
  EXPECT_THAT(Error(Replaced(kTransformers, "0.35", "\"small\"")), HasSubstr("depth_multiplier"));
  EXPECT_THAT(Error(Replaced(kTransformers, "96", "-1")), HasSubstr("image_size"));
}

TEST(HubConfigTest, OtherModelsAreRefused) {
  EXPECT_THAT(Error(R"({"model_type": "bert"})"), HasSubstr("\"model_type\": \"bert\""));
  EXPECT_THAT(Error("{}"), HasSubstr("model_type"));
  EXPECT_THAT(Error("not json"), HasSubstr("config.json is no JSON object"));
  EXPECT_THAT(Error(""), HasSubstr("no JSON object"));
}

TEST(HubConfigTest, DepthIsHarmless) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_THAT(Error(R"({"architecture": "x", "mean": )" + deep + "}"), HasSubstr("an array"));
}

}  // namespace
}  // namespace siskin::pull
