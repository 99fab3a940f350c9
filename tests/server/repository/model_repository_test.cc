#include "server/repository/model_repository.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "models/model_loader.h"
#include "ops/checkpoint.h"
#include "tests/fakes/shared_data.h"
#include "tests/server/repository/temp_folder.h"

namespace siskin::repository {
namespace {

using ::siskin::testing::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Ids(const absl::StatusOr<std::vector<ModelSource>>& sources) {
  std::vector<std::string> ids;
  for (const ModelSource& source : sources.value()) {
    ids.push_back(absl::StrCat(source.name, "/", source.version));
  }
  return ids;
}

// Scanning does not look into checkpoints, so these are empty.
class ScanRepositoryTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::vector<ModelSource>> Scan() const { return ScanRepository(folder_.path()); }

  void ExpectInvalid(const std::string& what) const {
    const absl::Status status = Scan().status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
  }

  TempFolder folder_;
};

TEST_F(ScanRepositoryTest, AnEmptyRepositoryHasNoModels) { EXPECT_THAT(Ids(Scan()), IsEmpty()); }

TEST_F(ScanRepositoryTest, ABareFileIsVersionOne) {
  folder_.Write("net/model.safetensors", "");
  const auto sources = Scan().value();
  ASSERT_EQ(sources.size(), 1);
  EXPECT_EQ(sources[0].name, "net");
  EXPECT_EQ(sources[0].version, "1");
  EXPECT_EQ(sources[0].weights_path, folder_.Path("net/model.safetensors"));
  EXPECT_THAT(sources[0].labels, IsEmpty());
  EXPECT_EQ(sources[0].load.name_hint, "net");
  EXPECT_EQ(sources[0].queue.capacity, std::nullopt);
}

TEST_F(ScanRepositoryTest, ModelsAreSortedByNameAndVersionsByNumber) {
  for (const char* id : {"b/10", "b/9", "a_2.x-Y", "b/1"}) {
    folder_.Write(absl::StrCat(id, "/model.safetensors"), "");
  }
  EXPECT_THAT(Ids(Scan()), ElementsAre("a_2.x-Y/1", "b/1", "b/9", "b/10"));
  EXPECT_EQ(Scan().value()[2].weights_path, folder_.Path("b/9/model.safetensors"));
}

TEST_F(ScanRepositoryTest, ConfigAndLabelsGoToEveryVersion) {
  folder_.Write("net/1/model.safetensors", "");
  folder_.Write("net/2/model.safetensors", "");
  folder_.Write("net/labels.txt", "cat\ndog\n");
  folder_.Write("net/model.textproto", "architecture: \"x\" batching { max_batch_size: 3 }");
  const auto sources = Scan().value();
  ASSERT_EQ(sources.size(), 2);
  for (const ModelSource& source : sources) {
    EXPECT_THAT(source.labels, ElementsAre("cat", "dog"));
    EXPECT_EQ(source.load.architecture, "x");
    EXPECT_EQ(source.load.name_hint, "net");
    EXPECT_EQ(source.queue.max_batch_size, 3);
  }
}

TEST_F(ScanRepositoryTest, OtherFilesAndHiddenEntriesAreIgnored) {
  folder_.Write("README.md", "");
  folder_.Write(".git/config", "");
  folder_.MakeFolder("lost+found");
  folder_.Write("net/model.safetensors", "");
  folder_.Write("net/LICENSE", "");
  folder_.MakeFolder("net/.cache");
  EXPECT_THAT(Ids(Scan()), ElementsAre("net/1"));
}

TEST_F(ScanRepositoryTest, SymbolicLinksAreFollowed) {
  folder_.Write(".store/weights", "");
  folder_.MakeFolder(".store/net/3");
  folder_.Link("../../weights", ".store/net/3/model.safetensors");
  folder_.Link(".store/net", "linked");
  EXPECT_THAT(Ids(Scan()), ElementsAre("linked/3"));
}

TEST_F(ScanRepositoryTest, ALinkToNothingIsAnError) {
  folder_.Link("nowhere", "net");
  ExpectInvalid(folder_.Path("net") + ": is a symbolic link to nothing");
}

TEST_F(ScanRepositoryTest, ALinkToItselfIsAnError) {
  folder_.Link("net", "net");
  EXPECT_FALSE(Scan().ok());
}

TEST_F(ScanRepositoryTest, AFolderWithoutAModelIsAnError) {
  folder_.MakeFolder("net");
  ExpectInvalid(folder_.Path("net") + ": has no model; expected model.safetensors or 1/");
}

TEST_F(ScanRepositoryTest, AVersionWithoutWeightsIsAnError) {
  folder_.MakeFolder("net/1");
  ExpectInvalid(folder_.Path("net/1") + ": has no model.safetensors");
}

TEST_F(ScanRepositoryTest, AFolderInPlaceOfTheWeightsIsAnError) {
  folder_.MakeFolder("net/1/model.safetensors");
  ExpectInvalid(folder_.Path("net/1") + ": has no model.safetensors");
}

TEST_F(ScanRepositoryTest, WhatIsNoVersionIsAnError) {
  for (const char* version : {"0", "01", "-1", "1.0", "v1", "99999999999999999999", "latest"}) {
    TempFolder folder;
    folder.Write(absl::StrCat("net/", version, "/model.safetensors"), "");
    const absl::Status status = ScanRepository(folder.path()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << version;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat(folder.Path("net/"), version, ": is no version")));
  }
}

TEST_F(ScanRepositoryTest, TheLargestVersionIsRead) {
  folder_.Write("net/9223372036854775807/model.safetensors", "");
  EXPECT_THAT(Ids(Scan()), ElementsAre("net/9223372036854775807"));
}

TEST_F(ScanRepositoryTest, WeightsBesideVersionsAreAmbiguous) {
  folder_.Write("net/model.safetensors", "");
  folder_.Write("net/2/model.safetensors", "");
  ExpectInvalid(folder_.Path("net/model.safetensors") + ": stands beside version folders");
}

TEST_F(ScanRepositoryTest, ModelNamesAreOfABoundedSet) {
  folder_.Write(std::string(64, 'n') + "/model.safetensors", "");
  EXPECT_TRUE(Scan().ok());
  for (const std::string& name : {std::string("two words"), std::string("caf\xC3\xA9"),
                                  std::string("a:b"), std::string(65, 'n')}) {
    TempFolder folder;
    folder.Write(name + "/model.safetensors", "");
    const absl::Status status = ScanRepository(folder.path()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("is no model name"));
  }
}

TEST_F(ScanRepositoryTest, ABadConfigNamesFileLineAndColumn) {
  folder_.Write("net/model.safetensors", "");
  folder_.Write("net/model.textproto", "width: 1\nwidht: 1\n");
  ExpectInvalid(folder_.Path("net/model.textproto") + ":2:6: Message type");
}

TEST_F(ScanRepositoryTest, BadLabelsNameFileAndLine) {
  folder_.Write("net/model.safetensors", "");
  folder_.Write("net/labels.txt", "cat\n\ndog\n");
  ExpectInvalid(folder_.Path("net/labels.txt") + ":2: is empty");
}

TEST_F(ScanRepositoryTest, DilationPatternsAreReadFromTheModelsFolder) {
  folder_.Write("net/model.safetensors", "");
  folder_.Write("net/own.json", R"json([{"(0, 0)": 5, "(2, 1)": 3}])json");
  folder_.Write("net/model.textproto", "dilation_pattern_file: \"own.json\"");
  const auto sources = Scan();
  ASSERT_TRUE(sources.ok()) << sources.status();
  const models::DilationPattern expected = {{1, 5}, {{3, 2}, 3}};
  EXPECT_THAT(sources->front().load.dilation_patterns, ElementsAre(expected));
}

TEST_F(ScanRepositoryTest, BadDilationPatternsNameTheFile) {
  folder_.Write("net/model.safetensors", "");
  folder_.Write("net/model.textproto", "dilation_pattern_file: \"own.json\"");
  ExpectInvalid(folder_.Path("net/own.json") + ": no such file");
  folder_.Write("net/own.json", R"json([{"(0, 0)": 5}, {"(0, 0)": -1}])json");
  ExpectInvalid(folder_.Path("net/own.json") + ": pattern 2: key \"(0, 0)\"");
}

TEST_F(ScanRepositoryTest, LargeTextFilesAreRefused) {
  folder_.Write("net/model.safetensors", "");
  folder_.Write("net/model.textproto", std::string((size_t{1} << 20) + 1, ' '));
  ExpectInvalid(folder_.Path("net/model.textproto") + ": is larger than 1048576 bytes");
}

TEST_F(ScanRepositoryTest, TheNumberOfModelsIsBounded) {
  for (int i = 0; i <= kMaxModels; ++i) folder_.MakeFolder(absl::StrCat("net", i));
  EXPECT_EQ(Scan().status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(ScanRepositoryTest, TheNumberOfVersionsIsBounded) {
  for (int i = 1; i <= kMaxVersionsOfAModel; ++i) {
    folder_.Write(absl::StrCat("net/", i, "/model.safetensors"), "");
  }
  EXPECT_EQ(Scan().value().size(), kMaxVersionsOfAModel);
  folder_.MakeFolder("net/1000");
  EXPECT_EQ(Scan().status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(ScanRepositoryTest, WhatIsNoFolderIsNoRepository) {
  EXPECT_EQ(ScanRepository(folder_.Path("none")).status().code(), absl::StatusCode::kNotFound);
  folder_.Write("file", "");
  EXPECT_EQ(ScanRepository(folder_.Path("file")).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// A network of ten classes, a quarter wide, with random weights.
class LoadSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    models::LoadRequest request;
    request.architecture = "mobilenet_v1";
    request.width = 0.25;
    request.classes = 10;
    written_ = models::RandomModel(request, /*seed=*/7).value();
    std::vector<ops::NamedTensor> tensors;
    for (const ops::Parameter& parameter : written_.graph.parameters) {
      tensors.push_back({parameter.key, parameter.shape, parameter.data.values()});
    }
    folder_.MakeFolder("mobilenet_v1");
    ASSERT_TRUE(
        ops::WriteCheckpoint(folder_.Path("mobilenet_v1/model.safetensors"), tensors, {}).ok());
  }

  absl::StatusOr<models::BoundModel> Load() const {
    return LoadSource(ScanRepository(folder_.path()).value().front());
  }

  TempFolder folder_;
  models::BoundModel written_;
};

TEST_F(LoadSourceTest, NeedsNoMoreThanTheFoldersName) {
  const auto model = Load();
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->spec->architecture, "mobilenet_v1");
  EXPECT_EQ(model->options.width, 0.25);
  EXPECT_EQ(model->graph.output_shape().channels, 10);
  EXPECT_FALSE(model->random_weights);
}

TEST_F(LoadSourceTest, HonoursTheConfig) {
  folder_.Write("mobilenet_v1/model.textproto",
                "input { size: 128 color_order: COLOR_ORDER_BGR mean: [1, 2, 3] }");
  const auto model = Load();
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->input.height, 128);
  EXPECT_EQ(model->input.width, 128);
  EXPECT_EQ(model->input.color_order, models::ColorOrder::kBgr);
  EXPECT_THAT(model->input.mean, ElementsAre(1.f, 2.f, 3.f));
}

TEST_F(LoadSourceTest, WantsALabelAClass) {
  folder_.Write("mobilenet_v1/labels.txt", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  EXPECT_TRUE(Load().ok());
  folder_.Write("mobilenet_v1/labels.txt", "cat\ndog\n");
  const absl::Status status = Load().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "labels.txt: 2 labels for 10 classes; expected one per class, or none");
}

TEST_F(LoadSourceTest, ErrorsNameTheFile) {
  folder_.Write("mobilenet_v1/model.safetensors", "garbage");
  const absl::Status status = Load().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(folder_.Path("mobilenet_v1/model.safetensors")));
}

TEST_F(LoadSourceTest, AFileThatWentAwayIsNotFound) {
  const ModelSource source = ScanRepository(folder_.path()).value().front();
  std::filesystem::remove(source.weights_path);
  EXPECT_EQ(LoadSource(source).status().code(), absl::StatusCode::kNotFound);
}

// The published files lie in a folder together with networks of later versions; each is linked into
// a repository of its own.
class PublishedModelTest : public ::testing::TestWithParam<const char*> {};

TEST_P(PublishedModelTest, Loads) {
  SISKIN_SKIP_WITHOUT_SHARED("models");
  const std::string name = GetParam();
  TempFolder folder;
  folder.Link(std::filesystem::absolute(siskin::testing::SharedPath("models/" + name)), name);
  const auto sources = ScanRepository(folder.path());
  ASSERT_TRUE(sources.ok()) << sources.status();
  ASSERT_EQ(sources->size(), 1);
  EXPECT_EQ(sources->front().labels.size(), 1000);
  const auto model = LoadSource(sources->front());
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->graph.output_shape().channels, 1000);
}

INSTANTIATE_TEST_SUITE_P(All, PublishedModelTest,
                         ::testing::Values("mobilenet_v1", "mobilenet_v1_025", "mobilenet_v2",
                                           "shufflenet_v1_g8"));

}  // namespace
}  // namespace siskin::repository
