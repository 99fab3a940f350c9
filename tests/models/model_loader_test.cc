#include "models/model_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/catalog.h"
#include "ops/rewrite.h"
#include "tests/models/model_files.h"

namespace siskin::models {
namespace {

using ::siskin::testing::MakeNetwork;
using ::siskin::testing::RandomNetwork;
using ::siskin::testing::Store;
using ::siskin::testing::StoredModel;
using ::siskin::testing::WriteAndOpen;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

LoadRequest Named(const std::string& folder) {
  LoadRequest request;
  request.name_hint = folder;
  return request;
}

BoundModel LoadOk(const ops::Checkpoint& checkpoint, const LoadRequest& request) {
  auto model = LoadModel(checkpoint, request);
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *std::move(model) : BoundModel{};
}

// REQUIRES: loading fails.
std::string LoadError(const ops::Checkpoint& checkpoint, const LoadRequest& request) {
  const absl::Status status = LoadModel(checkpoint, request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

void ExpectSameParameters(const ops::Graph& actual, const ops::Graph& expected) {
  const StoredModel a = Store(actual, KeyStyle{});
  const StoredModel b = Store(expected, KeyStyle{});
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [key, tensor] : b) {
    ASSERT_TRUE(a.contains(key)) << key;
    EXPECT_EQ(a.at(key).shape, tensor.shape) << key;
    EXPECT_TRUE(a.at(key).values == tensor.values) << key;
  }
}

// The first and the last published variant of each network in each of its styles, and one of any
// width where there is none.
struct StyleCase {
  const ModelSpec* spec = nullptr;
  const KeyStyle* style = nullptr;
  const Variant* variant = nullptr;  // nullptr: none is published in this style
};
std::vector<StyleCase> StyleCases() {
  std::vector<StyleCase> cases;
  for (const ModelSpec& spec : Catalog()) {
    for (const KeyStyle& style : spec.key_styles) {
      std::vector<const Variant*> variants;
      for (const Variant& variant : spec.variants) {
        if (variant.key_style == style.name) variants.push_back(&variant);
      }
      if (variants.empty()) variants.push_back(nullptr);
      cases.push_back({&spec, &style, variants.front()});
      if (variants.size() > 1) cases.push_back({&spec, &style, variants.back()});
    }
  }
  return cases;
}
std::string NameOf(const StyleCase& c) {
  std::string name = c.spec->architecture + "_" + c.style->name;
  if (c.variant != nullptr) name += "_" + c.variant->name;
  std::replace_if(
      name.begin(), name.end(), [](char ch) { return !std::isalnum(ch); }, '_');
  return name;
}
std::ostream& operator<<(std::ostream& out, const StyleCase& c) { return out << NameOf(c); }

class StyleTest : public ::testing::TestWithParam<StyleCase> {
 protected:
  const Variant* variant() const { return GetParam().variant; }
  int Resolution() const {
    return variant() == nullptr ? GetParam().spec->resolution : variant()->resolution;
  }
  std::string Preset() const {
    const bool own = variant() != nullptr && !variant()->input_preset.empty();
    return own ? variant()->input_preset : GetParam().style->input_preset;
  }
  // Styles with the same names and another padding are told apart by the variant's name.
  LoadRequest Request() const {
    LoadRequest request =
        Named(variant() == nullptr ? GetParam().spec->architecture : variant()->name);
    if (variant() == nullptr) request.key_style = GetParam().style->name;
    return request;
  }

  const RandomNetwork network_ = MakeNetwork(
      GetParam().spec->architecture, GetParam().style->name,
      variant() == nullptr ? GetParam().spec->PublishedWidths().front() : variant()->width, 1000,
      variant() == nullptr ? "" : variant()->form, Resolution());

  void ExpectIdentified(const BoundModel& model) {
    EXPECT_EQ(model.spec, network_.spec);
    EXPECT_EQ(model.key_style, network_.style->name);
    EXPECT_EQ(model.options.width, network_.options.width);
    EXPECT_EQ(model.options.form, network_.options.form);
    EXPECT_EQ(model.options.classes, 1000);
    EXPECT_EQ(model.options.resolution, Resolution());
    EXPECT_EQ(model.options.padding, network_.style->padding);
    EXPECT_EQ(model.options.batch_norm_epsilon, network_.style->batch_norm_epsilon);
    EXPECT_EQ(model.input, *InputPreset(Preset(), Resolution()));
    EXPECT_TRUE(model.graph.IsBound());
    EXPECT_FALSE(model.random_weights);
  }
};

TEST_P(StyleTest, CheckpointTellsWidthAndStyle) {
  const BoundModel model = LoadOk(WriteAndOpen(Store(network_.graph, *network_.style)), Request());
  ExpectIdentified(model);
  EXPECT_EQ(model.graph.Dump(), network_.graph.Dump());
  ExpectSameParameters(model.graph, network_.graph);
}

TEST_P(StyleTest, FoldedCheckpointToo) {
  const auto folded = ops::FoldBatchNorm(ops::PushThroughConcat(network_.graph));
  ASSERT_TRUE(folded.ok()) << folded.status();
  const BoundModel model = LoadOk(WriteAndOpen(Store(*folded, *network_.style)), Request());
  ExpectIdentified(model);
  ExpectSameParameters(model.graph, *folded);
}

INSTANTIATE_TEST_SUITE_P(All, StyleTest, ::testing::ValuesIn(StyleCases()),
                         [](const auto& info) { return NameOf(info.param); });

// The head's weight after loading, without its first `rows` rows.
std::vector<float> HeadFromRow(const StoredModel& model, const std::string& key, int rows) {
  const auto& [shape, values] = model.at(key);
  return {values.begin() + rows * shape[1], values.end()};
}

TEST(ClassesTest, BackgroundRowOfAGoogleHeadIsDropped) {
  const RandomNetwork network = MakeNetwork("mobilenet_v1", "hf-google", 0.25, 1001);
  const StoredModel stored = Store(network.graph, *network.style);
  const BoundModel model = LoadOk(WriteAndOpen(stored), Named("mobilenet_v1"));
  EXPECT_EQ(model.options.classes, 1000);
  EXPECT_EQ(model.graph.output_shape().channels, 1000);
  const StoredModel loaded = Store(model.graph, *network.style);
  EXPECT_EQ(loaded.at("classifier.weight").values, HeadFromRow(stored, "classifier.weight", 1));
}

TEST(ClassesTest, BackgroundRowOfASlimHeadIsDroppedWithoutAVariant) {
  const RandomNetwork network = MakeNetwork("inception_v4", "cadene", 1.0, 1001, "", 75);
  const StoredModel stored = Store(network.graph, *network.style);
  const BoundModel model = LoadOk(WriteAndOpen(stored), Named("inception_v4"));
  EXPECT_EQ(model.options.classes, 1000);
  const StoredModel loaded = Store(model.graph, *network.style);
  EXPECT_EQ(loaded.at("last_linear.weight").values, HeadFromRow(stored, "last_linear.weight", 1));
}

TEST(ClassesTest, OtherStylesHaveNoBackgroundRow) {
  const RandomNetwork network = MakeNetwork("mobilenet_v1", "timm", 0.25, 1001);
  const auto checkpoint = WriteAndOpen(Store(network.graph, *network.style));
  EXPECT_EQ(LoadOk(checkpoint, Named("mobilenet_v1")).options.classes, 1001);
}

TEST(ClassesTest, OwnHeadNeedsNoConfig) {
  for (const char* style : {"torchvision", "timm", "hf-google"}) {
    const RandomNetwork network = MakeNetwork("mobilenet_v2", style, 0.35, 10);
    const auto checkpoint = WriteAndOpen(Store(network.graph, *network.style));
    const BoundModel model = LoadOk(checkpoint, Named("mobilenet_v2"));
    EXPECT_EQ(model.options.classes, 10) << style;
    EXPECT_EQ(model.graph.output_shape().channels, 10) << style;
  }
}

TEST(ClassesTest, StatedNumberWins) {
  const RandomNetwork network = MakeNetwork("mobilenet_v1", "timm", 0.25, 11);
  const StoredModel stored = Store(network.graph, *network.style);
  EXPECT_EQ(
      LoadOk(WriteAndOpen(stored, {{"classes", "10"}}), Named("mobilenet_v1")).options.classes, 10);
  LoadRequest request = Named("mobilenet_v1");
  request.classes = 11;
  EXPECT_EQ(LoadOk(WriteAndOpen(stored, {{"classes", "10"}}), request).options.classes, 11);
  EXPECT_THAT(LoadError(WriteAndOpen(stored, {{"classes", "7"}}), Named("mobilenet_v1")),
              AllOf(HasSubstr("classifier.weight"), HasSubstr("7 classes")));
}

TEST(AuxiliaryTest, ClassifiersOfTrainingAreLeftOut) {
  for (const auto& [architecture, key] : {std::pair("googlenet", "aux1.fc1.weight"),
                                          {"googlenet", "aux2.conv.bn.running_mean"},
                                          {"inception_v3", "AuxLogits.conv0.conv.weight"}}) {
    const RandomNetwork network = MakeNetwork(architecture, "torchvision", 1.0, 10);
    StoredModel stored = Store(network.graph, *network.style);
    stored[key] = {{2}, {1.f, 2.f}};
    ExpectSameParameters(LoadOk(WriteAndOpen(stored), Named(architecture)).graph, network.graph);
    stored["aux3.fc1.weight"] = {{2}, {1.f, 2.f}};
    EXPECT_THAT(LoadError(WriteAndOpen(stored), Named(architecture)),
                AllOf(HasSubstr("1 left over"), HasSubstr("aux3.fc1.weight")));
  }
}

TEST(IdentifyTest, HeadConvolutionIsFound) {
  const RandomNetwork network = MakeNetwork("mobilenet_v1", "timm", 0.25, 1000, "h");
  const BoundModel model =
      LoadOk(WriteAndOpen(Store(network.graph, *network.style)), Named("mobilenet_v1"));
  EXPECT_EQ(model.options.form, "h");
}

TEST(IdentifyTest, PaddingTellsStylesOfTheSameNamesApart) {
  const RandomNetwork network = MakeNetwork("mobilenet_v3_small", "timm-tf", 0.75);
  const StoredModel stored = Store(network.graph, *network.style);
  LoadRequest request = Named("mobilenet_v3_small");
  EXPECT_EQ(LoadOk(WriteAndOpen(stored), request).key_style, "timm");
  const BoundModel google = LoadOk(WriteAndOpen(stored, {{"padding", "tf_same"}}), request);
  EXPECT_EQ(google.key_style, "timm-tf");
  EXPECT_EQ(google.options.batch_norm_epsilon, 1e-3);

  request.padding = ops::PaddingRule::kTfSame;
  EXPECT_EQ(LoadOk(WriteAndOpen(stored), request).key_style, "timm-tf");
  // The name says more.
  request.name_hint = "mobilenetv3_small_075";
  EXPECT_EQ(LoadOk(WriteAndOpen(stored), request).key_style, "timm");
}

TEST(IdentifyTest, VariantNameGivesResolutionAndWidth) {
  const RandomNetwork network = MakeNetwork("mobilenet_v1", "timm", 0.25);
  const auto checkpoint = WriteAndOpen(Store(network.graph, *network.style));
  const BoundModel model = LoadOk(checkpoint, Named("mobilenet_v1_0.25_128"));
  EXPECT_EQ(model.options.resolution, 128);
  EXPECT_EQ(model.input.height, 128);
  EXPECT_EQ(model.graph.input_shape(), (ops::Shape{3, 128, 128}));

  EXPECT_THAT(LoadError(checkpoint, Named("mobilenet_v1_0.5_128")),
              HasSubstr("closest is width 0.5, key style timm"));
}

TEST(IdentifyTest, MoreAuthorityFirst) {
  const RandomNetwork network = MakeNetwork("mobilenet_v1", "timm", 0.25);
  const StoredModel stored = Store(network.graph, *network.style);
  const auto checkpoint = WriteAndOpen(stored, {{"architecture", "mobilenet_v1"}});
  EXPECT_EQ(LoadOk(checkpoint, Named("mobilenet_v2")).spec->architecture, "mobilenet_v1");
  // The folder adds which variant it is.
  EXPECT_EQ(LoadOk(checkpoint, Named("mobilenet_v1_0.25_160")).options.resolution, 160);

  LoadRequest request = Named("mobilenet_v2");
  request.architecture = "mobilenet_v1_0.25_192";
  const auto mislabelled = WriteAndOpen(stored, {{"architecture", "mobilenet_v2"}});
  EXPECT_EQ(LoadOk(mislabelled, request).options.resolution, 192);
}

TEST(IdentifyTest, UnknownArchitectureListsTheKnown) {
  const StoredModel any = {{"x.weight", {{1}, {0.f}}}};
  const auto lists_names = AllOf(HasSubstr(ArchitectureNames()), HasSubstr("model.textproto"),
                                 HasSubstr("architecture: \""));
  EXPECT_THAT(LoadError(WriteAndOpen(any), Named("flowers")),
              AllOf(lists_names, HasSubstr("\"flowers\"")));
  EXPECT_THAT(LoadError(WriteAndOpen(any), Named("")), lists_names);
  EXPECT_THAT(LoadError(WriteAndOpen(any, {{"architecture", "resnet50"}}), Named("mobilenet_v1")),
              AllOf(lists_names, HasSubstr("\"resnet50\"")));
  LoadRequest request;
  request.architecture = "mobilenet_v9";
  EXPECT_THAT(LoadError(WriteAndOpen(any), request),
              AllOf(lists_names, HasSubstr("\"mobilenet_v9\"")));
}

TEST(IdentifyTest, UnpublishedWidthMustBeStated) {
  // 11 channels in the stem: TF-slim's V1 truncates.
  const RandomNetwork network = MakeNetwork("mobilenet_v1", "hf-google", 0.35);
  const auto checkpoint = WriteAndOpen(Store(network.graph, *network.style));
  EXPECT_THAT(LoadError(checkpoint, Named("mobilenet_v1")),
              AllOf(HasSubstr("Published widths are 0.25, 0.5, 0.75, 1.0, 1.25"),
                    HasSubstr("key style hf-google")));
  LoadRequest request = Named("mobilenet_v1");
  request.width = 0.35;
  EXPECT_EQ(LoadOk(checkpoint, request).graph.Dump(), network.graph.Dump());
}

class MismatchTest : public ::testing::Test {
 protected:
  const RandomNetwork network_ = MakeNetwork("mobilenet_v1", "timm", 0.25);
  StoredModel stored_ = Store(network_.graph, *network_.style);
  const std::string closest_ = "closest is width 0.25, key style timm, 1000 classes";
};

TEST_F(MismatchTest, MissingKey) {
  stored_.erase("blocks.3.2.conv_pw.weight");
  EXPECT_THAT(LoadError(WriteAndOpen(stored_), Named("mobilenet_v1")),
              AllOf(HasSubstr(closest_), HasSubstr("1 missing"),
                    HasSubstr("blocks.3.2.conv_pw.weight [128, 128, 1, 1]")));
}

TEST_F(MismatchTest, LeftOverKey) {
  stored_["extra.weight"] = {{2, 3}, std::vector<float>(6)};
  EXPECT_THAT(
      LoadError(WriteAndOpen(stored_), Named("mobilenet_v1")),
      AllOf(HasSubstr(closest_), HasSubstr("1 left over"), HasSubstr("extra.weight [2, 3]")));
}

TEST_F(MismatchTest, WrongShape) {
  stored_["conv_stem.weight"] = {{8, 3, 5, 5}, std::vector<float>(600)};
  EXPECT_THAT(LoadError(WriteAndOpen(stored_), Named("mobilenet_v1")),
              AllOf(HasSubstr(closest_), HasSubstr("1 of another shape"),
                    HasSubstr("conv_stem.weight: expected [8, 3, 3, 3], file has [8, 3, 5, 5]")));
}

TEST_F(MismatchTest, AnotherFamily) {
  EXPECT_THAT(LoadError(WriteAndOpen(stored_), Named("mobilenet_v2")),
              HasSubstr("does not fit mobilenet_v2: 18 combinations"));
}

TEST_F(MismatchTest, ScalarHead) {
  stored_["classifier.weight"] = {{}, {0.f}};
  EXPECT_THAT(LoadError(WriteAndOpen(stored_), Named("mobilenet_v1")),
              HasSubstr("classifier.weight: expected [1000, 256]"));
}

class RequestTest : public ::testing::Test {
 protected:
  const RandomNetwork network_ = MakeNetwork("mobilenet_v1", "timm", 0.25);
  const StoredModel stored_ = Store(network_.graph, *network_.style);
  const siskin::testing::Metadata metadata_ = {{"padding", "tf_same"},
                                               {"input_size", "192x192"},
                                               {"input_mean", "1,2,3"},
                                               {"input_std", "128,128,128"},
                                               {"color_order", "BGR"}};
  LoadRequest request_ = Named("mobilenet_v1");
};

TEST_F(RequestTest, MetadataReplacesDefaults) {
  const BoundModel model = LoadOk(WriteAndOpen(stored_, metadata_), request_);
  EXPECT_EQ(model.options.padding, ops::PaddingRule::kTfSame);
  EXPECT_EQ(model.options.resolution, 192);
  EXPECT_EQ(model.input.width, 192);
  EXPECT_EQ(model.input.resize_to, 219);
  EXPECT_THAT(model.input.mean, ElementsAre(1, 2, 3));
  EXPECT_THAT(model.input.std, ElementsAre(128, 128, 128));
  EXPECT_EQ(model.input.color_order, ColorOrder::kBgr);
}

TEST_F(RequestTest, RequestReplacesMetadata) {
  request_.padding = ops::PaddingRule::kSymmetric;
  request_.resolution = 160;
  request_.batch_norm_epsilon = 0.01;
  request_.input_preset = "tf_slim";
  request_.input.std = {4, 5, 6};
  request_.input.interpolation = Interpolation::kBicubic;
  request_.input.crop_fraction = 0.9;
  const BoundModel model = LoadOk(WriteAndOpen(stored_, metadata_), request_);
  EXPECT_EQ(model.options.padding, ops::PaddingRule::kSymmetric);
  EXPECT_EQ(model.options.batch_norm_epsilon, 0.01);
  InputContract expected = *InputPreset("tf_slim", 160);
  expected.std = {4, 5, 6};
  expected.interpolation = Interpolation::kBicubic;
  expected.crop_fraction = 0.9;
  EXPECT_EQ(model.input, expected);
}

TEST_F(RequestTest, SingleFieldsReplaceMetadata) {
  request_.input.rule = ResizeRule::kStretch;
  request_.input.resize_to = 300;
  request_.input.mean = {7, 8, 9};
  request_.input.color_order = ColorOrder::kRgb;
  const BoundModel model = LoadOk(WriteAndOpen(stored_, metadata_), request_);
  EXPECT_EQ(model.input.rule, ResizeRule::kStretch);
  EXPECT_EQ(model.input.resize_to, 300);
  EXPECT_THAT(model.input.mean, ElementsAre(7, 8, 9));
  EXPECT_THAT(model.input.std, ElementsAre(128, 128, 128));
  EXPECT_EQ(model.input.color_order, ColorOrder::kRgb);
}

TEST_F(RequestTest, BadStatementsAreErrors) {
  const auto checkpoint = WriteAndOpen(stored_);
  const auto error = [&](auto change) {
    LoadRequest request = request_;
    change(request);
    return LoadError(checkpoint, request);
  };
  EXPECT_THAT(error([](LoadRequest& r) { r.key_style = "keras"; }),
              AllOf(HasSubstr("\"keras\""), HasSubstr("timm, hf-google")));
  EXPECT_THAT(error([](LoadRequest& r) { r.width = -1; }), HasSubstr("width is -1"));
  EXPECT_THAT(error([](LoadRequest& r) { r.resolution = 5; }), HasSubstr("resolution is 5"));
  EXPECT_THAT(error([](LoadRequest& r) { r.classes = 0; }), HasSubstr("classes is 0"));
  EXPECT_THAT(error([](LoadRequest& r) { r.input.resize_to = 10; }), HasSubstr("resize_to is 10"));
  EXPECT_THAT(error([](LoadRequest& r) { r.input_preset = "x"; }),
              HasSubstr("no input preset \"x\""));
}

TEST(RandomModelTest, IsBoundAndSaysSo) {
  const auto model = RandomModel(Named("mobilenet_v2"), 1);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_TRUE(model->random_weights);
  EXPECT_TRUE(model->graph.IsBound());
  EXPECT_EQ(model->key_style, "torchvision");
  EXPECT_EQ(model->options.width, 1.0);
  EXPECT_EQ(model->input, *InputPreset("tv256", 224));
}

TEST(RandomModelTest, VariantsHaveTheirConventions) {
  LoadRequest request;
  request.architecture = "mobilenetv1_125";
  const auto timm = RandomModel(request, 1);
  ASSERT_TRUE(timm.ok()) << timm.status();
  EXPECT_EQ(timm->options.width, 1.25);
  EXPECT_EQ(timm->input, *InputPreset("timm_half_90", 224));

  request.architecture = "mobilenet_v1_0.25_128";
  request.classes = 5;
  const auto google = RandomModel(request, 1);
  ASSERT_TRUE(google.ok()) << google.status();
  EXPECT_EQ(google->key_style, "hf-google");
  EXPECT_EQ(google->options.padding, ops::PaddingRule::kTfSame);
  EXPECT_EQ(google->options.batch_norm_epsilon, 1e-3);
  EXPECT_EQ(google->graph.output_shape().channels, 5);
  EXPECT_EQ(google->input, *InputPreset("google", 128));
}

TEST(CheckLabelsTest, OnePerClassOrNone) {
  const BoundModel model = RandomModel({.architecture = "mobilenet_v1", .classes = 3}).value();
  EXPECT_TRUE(CheckLabels(model, {}).ok());
  EXPECT_TRUE(CheckLabels(model, {"cat", "dog", "bird"}).ok());
  EXPECT_EQ(CheckLabels(model, {"cat", "dog"}),
            absl::InvalidArgumentError("2 labels for 3 classes; expected one per class, or none"));
}

TEST(CheckLabelsTest, AFaceDetectorHasNoClasses) {
  const BoundModel model = RandomModel({.architecture = "blazeface_front"}).value();
  EXPECT_TRUE(CheckLabels(model, {}).ok());
  const std::vector<std::string> labels(model.graph.output_shape().channels, "face");
  EXPECT_EQ(CheckLabels(model, labels),
            absl::InvalidArgumentError(
                absl::StrCat(labels.size(), " labels for a face detector, which has no classes")));
}

TEST(RandomModelTest, ErrorsAreTheLoaders) {
  EXPECT_THAT(RandomModel(Named("x"), 1).status().message(), HasSubstr("mobilenet_v1"));
}

}  // namespace
}  // namespace siskin::models
