#include "ops/bind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "ops/net.h"
#include "tests/fakes/shared_data.h"

namespace siskin::ops {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Shapes = std::map<std::string, std::vector<int64_t>>;

// A checkpoint with these tensors. The values of a tensor count up from 1000 times its position in
// `shapes`, so that no two are equal.
Checkpoint MakeCheckpoint(const Shapes& shapes) {
  std::vector<std::vector<float>> values;
  std::vector<NamedTensor> tensors;
  values.reserve(shapes.size());
  for (const auto& [key, shape] : shapes) {
    int64_t elements = 1;
    for (int64_t extent : shape) elements *= extent;
    std::vector<float>& counting = values.emplace_back(elements);
    for (int64_t i = 0; i < elements; ++i) counting[i] = 1000.0f * values.size() + i;
    tensors.push_back({key, shape, counting});
  }
  const std::string path = ::testing::TempDir() + absl::StrCat("siskin_bind_test_", getpid());
  const absl::Status written = WriteCheckpoint(path, tensors, {});
  EXPECT_TRUE(written.ok()) << written;
  auto checkpoint = Checkpoint::Open(path);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  std::filesystem::remove(path);  // the map stays
  return *std::move(checkpoint);
}

void AddBatchNorm(const std::string& layer, int64_t channels, Shapes* shapes) {
  for (const char* suffix : {".weight", ".bias", ".running_mean", ".running_var"}) {
    (*shapes)[layer + suffix] = {channels};
  }
}

void RemoveBatchNorm(const std::string& layer, Shapes* shapes) {
  for (const char* suffix : {".weight", ".bias", ".running_mean", ".running_var"}) {
    shapes->erase(layer + suffix);
  }
}

struct Variant {
  bool batch_norm = true;
  bool bias = false;  // of the convolutions
  bool may_have_background_row = false;
};

// A stem, a depthwise and a pointwise convolution with a shortcut, and a classifier.
Graph SmallGraph(const Variant& variant = {}) {
  const auto bn = [&](const char* key) { return variant.batch_norm ? key : ""; };
  Net net("small", {});
  Tensor x = net.Input({3, 8, 8});
  x = net.ConvBn(x, {.key = "stem.conv",
                     .bn_key = bn("stem.bn"),
                     .out_channels = 4,
                     .kernel = 3,
                     .bias = variant.bias,
                     .activation = ActivationKind::kRelu6});
  Tensor y = net.DepthwiseConvBn(x, {.key = "dw",
                                     .bn_key = bn("dw_bn"),
                                     .kernel = 3,
                                     .bias = variant.bias,
                                     .activation = ActivationKind::kRelu});
  y = net.ConvBn(y, {.key = "pw", .bn_key = bn("pw_bn"), .out_channels = 4, .bias = variant.bias});
  x = net.GlobalAvgPool(net.Add(x, y, "sum"));
  x = net.Linear(x, {.key = "head",
                     .out_features = 5,
                     .may_have_background_row = variant.may_have_background_row});
  auto graph = net.Finish(x);
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

Shapes UnfoldedShapes() {
  Shapes shapes = {{"stem.conv.weight", {4, 3, 3, 3}},
                   {"dw.weight", {4, 1, 3, 3}},
                   {"pw.weight", {4, 4, 1, 1}},
                   {"head.weight", {5, 4}},
                   {"head.bias", {5}}};
  for (const char* layer : {"stem.bn", "dw_bn", "pw_bn"}) AddBatchNorm(layer, 4, &shapes);
  return shapes;
}

Shapes FoldedShapes() {
  Shapes shapes = UnfoldedShapes();
  for (const char* layer : {"stem.bn", "dw_bn", "pw_bn"}) RemoveBatchNorm(layer, &shapes);
  for (const char* key : {"stem.conv.bias", "dw.bias", "pw.bias"}) shapes[key] = {4};
  return shapes;
}

// Binds and expects every parameter to be the file's memory under the same key.
Graph ExpectBinds(const Graph& graph, const Checkpoint& checkpoint) {
  EXPECT_TRUE(AuditCheckpoint(graph, checkpoint, {}).clean());
  auto bound = Bind(graph, checkpoint, {});
  EXPECT_TRUE(bound.ok()) << bound.status();
  if (!bound.ok()) return graph;
  EXPECT_TRUE(bound->IsBound());
  EXPECT_TRUE(bound->Validate().ok()) << bound->Validate();
  for (const Parameter& parameter : bound->parameters) {
    const auto in_file = checkpoint.tensors().find(parameter.key);
    EXPECT_NE(in_file, checkpoint.tensors().end()) << parameter.key;
    if (in_file == checkpoint.tensors().end()) continue;
    EXPECT_EQ(static_cast<const void*>(parameter.data.values().data()),
              in_file->second.bytes.data())
        << parameter.key << " was copied";
    EXPECT_EQ(static_cast<int64_t>(parameter.data.values().size()), parameter.elements());
  }
  return *std::move(bound);
}

std::string BindError(const Graph& graph, const Shapes& shapes, const BindOptions& options = {}) {
  const auto bound = Bind(graph, MakeCheckpoint(shapes), options);
  EXPECT_EQ(bound.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(bound.status().message());
}

Audit AuditOf(const Graph& graph, const Shapes& shapes) {
  return AuditCheckpoint(graph, MakeCheckpoint(shapes), {});
}

TEST(Bind, UnfoldedKeepsTheGraph) {
  const Graph graph = SmallGraph();
  const Graph bound = ExpectBinds(graph, MakeCheckpoint(UnfoldedShapes()));
  EXPECT_EQ(bound.Dump(), graph.Dump());
  EXPECT_EQ(bound.parameters.size(), 17u);
  EXPECT_FALSE(graph.IsBound());  // the argument is left alone
}

TEST(Bind, FoldedRemovesBatchNorms) {
  const Graph bound = ExpectBinds(SmallGraph(), MakeCheckpoint(FoldedShapes()));
  EXPECT_EQ(bound.Dump(), SmallGraph({.batch_norm = false, .bias = true}).Dump());
  EXPECT_EQ(bound.parameters.size(), 8u);
}

TEST(Bind, DeclaredBiasBesideBatchNorm) {
  const Graph graph = SmallGraph({.bias = true});
  Shapes both = UnfoldedShapes();
  for (const char* key : {"stem.conv.bias", "dw.bias", "pw.bias"}) both[key] = {4};
  EXPECT_EQ(ExpectBinds(graph, MakeCheckpoint(both)).Dump(), graph.Dump());
  EXPECT_EQ(ExpectBinds(graph, MakeCheckpoint(FoldedShapes())).Dump(),
            SmallGraph({.batch_norm = false, .bias = true}).Dump());
  EXPECT_THAT(AuditOf(graph, UnfoldedShapes()).missing,
              ElementsAre("stem.conv.bias [4]", "dw.bias [4]", "pw.bias [4]"));
}

TEST(Bind, FoldsLayerByLayer) {
  Shapes shapes = UnfoldedShapes();
  RemoveBatchNorm("dw_bn", &shapes);
  shapes["dw.bias"] = {4};
  const Graph bound = ExpectBinds(SmallGraph(), MakeCheckpoint(shapes));
  int batch_norms = 0;
  for (const Node& node : bound.nodes) batch_norms += std::holds_alternative<BatchNorm>(node.op);
  EXPECT_EQ(batch_norms, 2);
  EXPECT_EQ(bound.nodes.size(), SmallGraph().nodes.size() - 1);
}

TEST(Bind, PartOfABatchNormIsMissingNotFolded) {
  Shapes shapes = UnfoldedShapes();
  shapes.erase("dw_bn.running_var");
  EXPECT_THAT(AuditOf(SmallGraph(), shapes).missing, ElementsAre("dw_bn.running_var [4]"));

  // With a bias in the file there are two faults: a norm that is not whole, and a key too many.
  shapes["dw.bias"] = {4};
  const Audit audit = AuditOf(SmallGraph(), shapes);
  EXPECT_THAT(audit.missing, ElementsAre("dw_bn.running_var [4]"));
  EXPECT_THAT(audit.left_over, ElementsAre("dw.bias [4]"));
}

TEST(Bind, NeitherBatchNormNorBiasIsMissing) {
  Shapes shapes = UnfoldedShapes();
  RemoveBatchNorm("pw_bn", &shapes);
  EXPECT_THAT(AuditOf(SmallGraph(), shapes).missing,
              ElementsAre("pw_bn.weight [4]", "pw_bn.bias [4]", "pw_bn.running_mean [4]",
                          "pw_bn.running_var [4]"));
}

TEST(Bind, BiasBesideABatchNormIsLeftOver) {
  Shapes shapes = UnfoldedShapes();
  shapes["pw.bias"] = {4};
  const Audit audit = AuditOf(SmallGraph(), shapes);
  EXPECT_THAT(audit.left_over, ElementsAre("pw.bias [4]"));
  EXPECT_EQ(audit.size(), 1u);
}

TEST(Bind, FoldedBiasIsShapeChecked) {
  Shapes shapes = FoldedShapes();
  shapes["dw.bias"] = {3};
  EXPECT_THAT(AuditOf(SmallGraph(), shapes).mis_shaped,
              ElementsAre("dw.bias: expected [4], file has [3]"));
}

// The batch norm cannot have been folded away if somebody reads what comes before it.
TEST(Bind, BatchNormBehindASharedConvolutionStays) {
  Net net("shared", {});
  Tensor x = net.Input({2, 4, 4});
  Tensor y = net.ConvBn(x, {.key = "conv", .bn_key = "bn", .out_channels = 2});
  auto graph = net.Finish(net.Add(x, y, "sum"));
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Shapes folded = {{"conv.weight", {2, 2, 1, 1}}, {"conv.bias", {2}}};
  EXPECT_TRUE(AuditOf(*graph, folded).clean());

  graph->nodes[3].inputs[0] = 1;  // now the sum reads the convolution as well
  ASSERT_TRUE(graph->Validate().ok()) << graph->Validate();
  const Audit audit = AuditOf(*graph, folded);
  EXPECT_THAT(audit.missing, SizeIs(4));
  EXPECT_THAT(audit.left_over, ElementsAre("conv.bias [2]"));
}

// Two convolutions with one batch norm behind their concatenation.
Graph ConcatenatedGraph(bool batch_norm, bool bias) {
  Net net("concatenated", {});
  const Tensor x = net.Input({3, 5, 7});
  const Tensor a = net.ConvBn(x, {.key = "list.0", .out_channels = 2, .kernel = 3, .bias = bias});
  const Tensor b = net.ConvBn(x, {.key = "list.1", .out_channels = 5, .kernel = 3, .bias = bias});
  Tensor y = net.Concat({a, b}, "list");
  if (batch_norm) y = net.BatchNorm(y, "bn");
  auto graph = net.Finish(net.Act(y, ActivationKind::kRelu, "relu"));
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

TEST(Bind, FoldedBehindAConcatenation) {
  const Graph graph = ConcatenatedGraph(/*batch_norm=*/true, /*bias=*/false);
  Shapes shapes = {{"list.0.weight", {2, 3, 3, 3}},
                   {"list.1.weight", {5, 3, 3, 3}},
                   {"list.0.bias", {2}},
                   {"list.1.bias", {5}}};
  EXPECT_EQ(ExpectBinds(graph, MakeCheckpoint(shapes)).Dump(),
            ConcatenatedGraph(/*batch_norm=*/false, /*bias=*/true).Dump());

  shapes.erase("list.0.bias");  // now the norm is missing
  const Audit audit = AuditOf(graph, shapes);
  EXPECT_THAT(audit.missing, ElementsAre("bn.weight [7]", "bn.bias [7]", "bn.running_mean [7]",
                                         "bn.running_var [7]"));
  EXPECT_THAT(audit.left_over, ElementsAre("list.1.bias [5]"));
}

TEST(Bind, MapsLayerNames) {
  BindOptions options;
  options.layer_name = [](std::string_view layer) { return "net." + std::string(layer) + ".x"; };
  for (const Shapes& shapes : {UnfoldedShapes(), FoldedShapes()}) {
    Shapes renamed;
    for (const auto& [key, shape] : shapes) {
      const size_t dot = key.rfind('.');
      renamed["net." + key.substr(0, dot) + ".x" + key.substr(dot)] = shape;
    }
    const auto bound = Bind(SmallGraph(), MakeCheckpoint(renamed), options);
    ASSERT_TRUE(bound.ok()) << bound.status();
    EXPECT_EQ(bound->parameters.size(), shapes.size());
    EXPECT_THAT(BindError(SmallGraph(), shapes, options),
                HasSubstr("net.stem.conv.x.weight [4, 3, 3, 3]"));
  }
}

TEST(Bind, TwoParametersCannotShareAKey) {
  BindOptions options;
  options.layer_name = [](std::string_view layer) {
    return std::string(layer == "pw_bn" ? "dw_bn" : layer);
  };
  Shapes shapes = UnfoldedShapes();
  RemoveBatchNorm("pw_bn", &shapes);
  EXPECT_THAT(BindError(SmallGraph(), shapes, options),
              AllOf(HasSubstr("4 missing"),
                    HasSubstr("pw_bn.weight [4] (dw_bn.weight is used for dw_bn.weight)")));
}

TEST(Bind, LeftOverKeysAreErrorsUnlessIgnorable) {
  Shapes shapes = UnfoldedShapes();
  shapes["dw_bn.num_batches_tracked"] = {};
  shapes["num_batches_tracked"] = {};
  ExpectBinds(SmallGraph(), MakeCheckpoint(shapes));

  shapes["aux.fc.weight"] = {7, 2};
  shapes["my_num_batches_tracked"] = {};
  EXPECT_THAT(AuditOf(SmallGraph(), shapes).left_over,
              ElementsAre("aux.fc.weight [7, 2]", "my_num_batches_tracked []"));
  EXPECT_THAT(BindError(SmallGraph(), shapes), HasSubstr("2 left over (aux.fc.weight [7, 2]; "));

  BindOptions options;
  options.ignorable_suffixes = {"num_batches_tracked", "fc.weight", "my_num_batches_tracked"};
  EXPECT_TRUE(Bind(SmallGraph(), MakeCheckpoint(shapes), options).ok());
}

TEST(Bind, AcceptsShapesThatDifferInOnes) {
  Shapes shapes = UnfoldedShapes();
  shapes["stem.bn.weight"] = {1, 4};
  shapes["stem.bn.running_mean"] = {4, 1, 1};
  shapes["dw.weight"] = {4, 3, 3};
  shapes["pw.weight"] = {4, 4};
  shapes["head.weight"] = {5, 4, 1, 1};
  ExpectBinds(SmallGraph(), MakeCheckpoint(shapes));
}

TEST(Bind, RefusesOtherShapes) {
  const std::pair<const char*, std::vector<int64_t>> wrong[] = {{"head.weight", {4, 5}},
                                                                {"head.weight", {20}},
                                                                {"head.weight", {6, 4}},
                                                                {"head.bias", {6}},
                                                                {"head.bias", {}},
                                                                {"stem.conv.weight", {3, 3, 3, 4}},
                                                                {"stem.conv.weight", {4, 27}},
                                                                {"dw_bn.bias", {2, 2}},
                                                                {"dw_bn.bias", {0}}};
  for (const auto& [key, shape] : wrong) {
    Shapes shapes = UnfoldedShapes();
    const std::string expected = ShapeToString(shapes[key]);
    shapes[key] = shape;
    const Audit audit = AuditOf(SmallGraph(), shapes);
    EXPECT_THAT(audit.mis_shaped, ElementsAre(absl::StrCat(key, ": expected ", expected,
                                                           ", file has ", ShapeToString(shape))));
    EXPECT_EQ(audit.size(), 1u);
  }
}

TEST(Bind, DropsTheBackgroundRow) {
  const Graph graph = SmallGraph({.may_have_background_row = true});
  ExpectBinds(graph, MakeCheckpoint(UnfoldedShapes()));  // need not be there

  Shapes shapes = UnfoldedShapes();
  shapes["head.weight"] = {6, 4, 1, 1};
  shapes["head.bias"] = {1, 6};
  const Checkpoint checkpoint = MakeCheckpoint(shapes);
  EXPECT_TRUE(AuditCheckpoint(graph, checkpoint, {}).clean());
  const auto bound = Bind(graph, checkpoint, {});
  ASSERT_TRUE(bound.ok()) << bound.status();
  EXPECT_TRUE(bound->Validate().ok()) << bound->Validate();
  for (const auto& [key, row] : {std::pair("head.weight", 4), std::pair("head.bias", 1)}) {
    for (const Parameter& parameter : bound->parameters) {
      if (parameter.key != key) continue;
      const auto whole = checkpoint.Read(key)->values();
      EXPECT_EQ(parameter.data.values(), whole.subspan(row));
      EXPECT_EQ(parameter.data.values().data(), whole.data() + row) << key << " was copied";
    }
  }
}

TEST(Bind, BackgroundRowIsAllOrNothingInALayer) {
  const Graph graph = SmallGraph({.may_have_background_row = true});
  Shapes shapes = UnfoldedShapes();
  shapes["head.weight"] = {6, 4};
  EXPECT_THAT(AuditOf(graph, shapes).mis_shaped,
              ElementsAre("head.bias: expected [6], file has [5]"));
  shapes["head.weight"] = {5, 4};
  shapes["head.bias"] = {6};
  EXPECT_THAT(AuditOf(graph, shapes).mis_shaped,
              ElementsAre("head.bias: expected [5], file has [6]"));
  shapes["head.weight"] = {7, 4};
  EXPECT_THAT(AuditOf(graph, shapes).mis_shaped, SizeIs(2));
}

TEST(Bind, RefusesIntegerParameters) {
  const std::string header =
      R"({"conv.weight":{"dtype":"I64","shape":[1,1,1,1],"data_offsets":[0,8]}})";
  std::vector<uint8_t> bytes = {static_cast<uint8_t>(header.size()), 0, 0, 0, 0, 0, 0, 0};
  bytes.insert(bytes.end(), header.begin(), header.end());
  bytes.resize(bytes.size() + 8);
  const auto checkpoint = Checkpoint::Parse(bytes, nullptr, "integers");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();

  Net net("one", {});
  const auto graph = net.Finish(
      net.ConvBn(net.Input({1, 1, 1}), {.key = "conv", .bn_key = "", .out_channels = 1}));
  ASSERT_TRUE(graph.ok()) << graph.status();
  const absl::Status status = Bind(*graph, *checkpoint, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("found I64"));
}

TEST(Audit, SummaryCountsAndCutsLongLists) {
  EXPECT_EQ(AuditOf(SmallGraph(), UnfoldedShapes()).Summary(),
            "every key is there, with its shape");
  Audit audit;
  audit.missing = {"a [1]", "b [2]", "c [3]", "d [4]", "e [5]", "f [6]"};
  audit.left_over = {"x []"};
  audit.mis_shaped = {"y: expected [1], file has [2]"};
  EXPECT_EQ(audit.size(), 8u);
  EXPECT_FALSE(audit.clean());
  EXPECT_EQ(audit.Summary(),
            "6 missing (a [1]; b [2]; c [3]; d [4]; e [5]; ...), 1 left over (x []), "
            "1 of another shape (y: expected [1], file has [2])");
}

TEST(Bind, AnotherNetworkIsRefusedWithAHint) {
  EXPECT_THAT(BindError(SmallGraph(), {{"conv1.weight", {4, 3, 3, 3}}}),
              AllOf(HasSubstr("does not fit small: 17 missing (stem.conv.weight [4, 3, 3, 3]; "),
                    HasSubstr("1 left over (conv1.weight [4, 3, 3, 3])"),
                    HasSubstr("Is it a checkpoint of this network")));
}

// MobileNetV1 with a quarter of the channels, as its published file names the layers.
Graph MobileNetV1Quarter() {
  const std::vector<std::vector<int>> stages = {
      {16}, {32, 32}, {64, 64}, {128, 128, 128, 128, 128, 128}, {256, 256}};
  const auto relu6 = ActivationKind::kRelu6;
  Net net("mobilenet_v1_025", {.padding = PaddingRule::kTfSame, .batch_norm_epsilon = 1e-3});
  Tensor x = net.ConvBn(net.Input({3, 224, 224}), {.key = "conv_stem",
                                                   .bn_key = "bn1",
                                                   .out_channels = 8,
                                                   .kernel = 3,
                                                   .stride = 2,
                                                   .activation = relu6});
  for (size_t stage = 0; stage < stages.size(); ++stage) {
    for (size_t i = 0; i < stages[stage].size(); ++i) {
      Net::Scope scope(net, absl::StrCat("blocks.", stage, ".", i));
      const int stride = stage > 0 && i == 0 ? 2 : 1;
      x = net.DepthwiseConvBn(
          x,
          {.key = "conv_dw", .bn_key = "bn1", .kernel = 3, .stride = stride, .activation = relu6});
      x = net.ConvBn(x, {.key = "conv_pw",
                         .bn_key = "bn2",
                         .out_channels = stages[stage][i],
                         .activation = relu6});
    }
  }
  auto graph = net.Finish(
      net.Linear(net.GlobalAvgPool(x),
                 {.key = "classifier", .out_features = 1000, .may_have_background_row = true}));
  EXPECT_TRUE(graph.ok()) << graph.status();
  return *std::move(graph);
}

TEST(BindShared, MobileNetV1) {
  constexpr char kFile[] = "models/mobilenet_v1_025/model.safetensors";
  SISKIN_SKIP_WITHOUT_SHARED(kFile);
  const auto checkpoint = Checkpoint::Open(testing::SharedPath(kFile));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const Graph bound = ExpectBinds(MobileNetV1Quarter(), *checkpoint);
  EXPECT_EQ(bound.parameters.size(), checkpoint->tensors().size());
}

TEST(BindShared, AnotherNetworksFileIsRefused) {
  constexpr char kFile[] = "models/mobilenet_v2/model.safetensors";
  SISKIN_SKIP_WITHOUT_SHARED(kFile);
  const auto checkpoint = Checkpoint::Open(testing::SharedPath(kFile));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const absl::Status status = Bind(MobileNetV1Quarter(), *checkpoint, {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_LT(status.message().size(), 1000u);
}

absl::Span<const float> Values(const Graph& graph, const std::string& key) {
  for (const Parameter& parameter : graph.parameters) {
    if (parameter.key == key) return parameter.data.values();
  }
  ADD_FAILURE() << "no parameter " << key;
  return {};
}

struct Moments {
  double mean = 0;
  double deviation = 0;
};
Moments MomentsOf(absl::Span<const float> values) {
  double sum = 0, squares = 0;
  for (double value : values) {
    sum += value;
    squares += value * value;
  }
  const double mean = sum / values.size();
  return {mean, std::sqrt(squares / values.size() - mean * mean)};
}

TEST(BindRandom, BindsEverything) {
  const Graph graph = SmallGraph({.bias = true});
  const Graph bound = BindRandom(graph, 1);
  EXPECT_TRUE(bound.IsBound());
  EXPECT_TRUE(bound.Validate().ok()) << bound.Validate();
  EXPECT_EQ(bound.Dump(), graph.Dump());
  EXPECT_FALSE(graph.IsBound());
}

// Computed by a separate program from the definitions of splitmix64 and FNV-1a.
TEST(BindRandom, ValuesAreTheSameEverywhere) {
  Net net("random", {});
  const auto graph = net.Finish(net.ConvBn(
      net.Input({3, 8, 8}), {.key = "conv", .bn_key = "bn", .out_channels = 3, .kernel = 3}));
  ASSERT_TRUE(graph.ok()) << graph.status();
  const Graph bound = BindRandom(*graph, 7);
  EXPECT_THAT(Values(bound, "conv.weight").first(3),
              ElementsAre(0x1.19b328p-3f, 0x1.9cf6e4p-2f, 0x1.17b37cp-3f));
  EXPECT_THAT(Values(bound, "bn.running_var"),
              ElementsAre(0x1.7b807cp+0f, 0x1.825082p-1f, 0x1.3557c2p+0f));
  EXPECT_THAT(Values(bound, "bn.bias"),
              ElementsAre(-0x1.5d3d94p-4f, 0x1.21d9acp-5f, -0x1.45a988p-5f));
}

TEST(BindRandom, SeedsAndKeysDiffer) {
  const Graph graph = SmallGraph();
  const Graph one = BindRandom(graph, 1), again = BindRandom(graph, 1), two = BindRandom(graph, 2);
  for (size_t i = 0; i < graph.parameters.size(); ++i) {
    const auto values = one.parameters[i].data.values();
    EXPECT_EQ(values, again.parameters[i].data.values());
    EXPECT_NE(values, two.parameters[i].data.values());
    for (size_t j = 0; j < i; ++j) EXPECT_NE(values, one.parameters[j].data.values());
  }
}

TEST(BindRandom, ValuesAreInRange) {
  const Graph bound = BindRandom(MobileNetV1Quarter(), 42);
  const Moments pointwise = MomentsOf(Values(bound, "blocks.4.1.conv_pw.weight"));
  EXPECT_NEAR(pointwise.mean, 0, 0.002);
  EXPECT_NEAR(pointwise.deviation, std::sqrt(2.0 / 256), 0.002);
  const Moments depthwise = MomentsOf(Values(bound, "blocks.4.1.conv_dw.weight"));
  EXPECT_NEAR(depthwise.deviation, std::sqrt(2.0 / 9), 0.03);

  for (const Parameter& parameter : bound.parameters) {
    const bool norm = absl::StrContains(parameter.key, "bn");
    const bool scale = norm && (absl::EndsWith(parameter.key, ".weight") ||
                                absl::EndsWith(parameter.key, ".running_var"));
    const bool offset =
        absl::EndsWith(parameter.key, ".bias") || absl::EndsWith(parameter.key, ".running_mean");
    for (float value : parameter.data.values()) {
      ASSERT_TRUE(!scale || (value >= 0.5f && value <= 1.5f)) << parameter.key << " " << value;
      ASSERT_TRUE(!offset || std::abs(value) <= 0.1f) << parameter.key << " " << value;
    }
  }
  const Moments gamma = MomentsOf(Values(bound, "blocks.4.1.bn2.weight"));
  EXPECT_NEAR(gamma.mean, 1, 0.1);
  EXPECT_NEAR(gamma.deviation, 1 / std::sqrt(12.0), 0.05);
}

}  // namespace
}  // namespace siskin::ops
