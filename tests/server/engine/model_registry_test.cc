#include "server/engine/model_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/fakes/tiny_model.h"

namespace siskin::engine {
namespace {

using ::siskin::testing::TinyFaceDetector;
using ::siskin::testing::TinyModel;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr ModelState kAllStates[] = {ModelState::kLoading,  ModelState::kWarming,
                                     ModelState::kReady,    ModelState::kDraining,
                                     ModelState::kUnloaded, ModelState::kFailed};

const std::set<std::pair<std::string, std::string>> kLegal = {
    {"loading", "warming"}, {"loading", "failed"},  {"warming", "ready"},
    {"warming", "failed"},  {"ready", "draining"},  {"draining", "unloaded"},
    {"failed", "loading"},  {"unloaded", "loading"}};

// Takes version 1 of "m" from kLoading to `state` by legal steps.
void Bring(ModelRegistry& registry, ModelState state, const std::string& version = "1") {
  const auto to = [&](ModelState next) {
    ASSERT_TRUE(registry.Transition("m", version, next, absl::DataLossError("bad file")).ok());
  };
  ASSERT_TRUE(registry.Declare("m", version).ok());
  if (state == ModelState::kLoading) return;
  if (state == ModelState::kFailed) return to(ModelState::kFailed);
  to(ModelState::kWarming);
  if (state == ModelState::kWarming) return;
  ASSERT_TRUE(registry.Publish("m", version, {}).ok());
  if (state == ModelState::kReady) return;
  to(ModelState::kDraining);
  if (state == ModelState::kUnloaded) to(ModelState::kUnloaded);
}

class TransitionTest : public ::testing::TestWithParam<std::tuple<ModelState, ModelState>> {};

TEST_P(TransitionTest, IsAsTheHeaderSays) {
  const auto [from, to] = GetParam();
  const bool legal = kLegal.count({ToString(from), ToString(to)}) > 0;
  EXPECT_EQ(IsLegalTransition(from, to), legal);

  ModelRegistry registry;
  Bring(registry, from);
  ASSERT_EQ(registry.List().at(0).state, from);
  const absl::Status status =
      to == ModelState::kReady ? registry.Publish("m", "1", {}) : registry.Transition("m", "1", to);
  EXPECT_EQ(status.code(), legal ? absl::StatusCode::kOk : absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(registry.List().at(0).state, legal ? to : from);
}

INSTANTIATE_TEST_SUITE_P(EveryPair, TransitionTest,
                         ::testing::Combine(::testing::ValuesIn(kAllStates),
                                            ::testing::ValuesIn(kAllStates)),
                         [](const auto& info) {
                           return absl::StrCat(ToString(std::get<0>(info.param)), "_",
                                               ToString(std::get<1>(info.param)));
                         });

TEST(ModelRegistryTest, ReadyIsReachedByPublishingOnly) {
  ModelRegistry registry;
  Bring(registry, ModelState::kWarming);
  EXPECT_EQ(registry.Transition("m", "1", ModelState::kReady).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(ModelRegistryTest, DeclareChecksNamesAndVersions) {
  ModelRegistry registry;
  EXPECT_TRUE(registry.Declare("m", "1").ok());
  EXPECT_EQ(registry.Declare("m", "1").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(registry.Declare("", "1").code(), absl::StatusCode::kInvalidArgument);
  for (const char* version :
       {"", "0", "-1", "01", "+1", "1 ", "one", "1.0", "99999999999999999999"}) {
    EXPECT_EQ(registry.Declare("m", version).code(), absl::StatusCode::kInvalidArgument) << version;
  }
  EXPECT_EQ(registry.List().size(), 1u);
}

TEST(ModelRegistryTest, ChangesOfUnknownVersionsAreNotFound) {
  ModelRegistry registry;
  Bring(registry, ModelState::kLoading);
  for (const auto& [model, version] :
       std::vector<std::pair<std::string, std::string>>{{"x", "1"}, {"m", "2"}, {"m", "one"}}) {
    EXPECT_EQ(registry.Transition(model, version, ModelState::kWarming).code(),
              absl::StatusCode::kNotFound);
    EXPECT_EQ(registry.Publish(model, version, {}).code(), absl::StatusCode::kNotFound);
  }
}

TEST(ModelRegistryTest, ResolvesTheHighestReadyVersionNumerically) {
  ModelRegistry registry;
  for (const char* version : {"9", "10"}) Bring(registry, ModelState::kReady, version);
  Bring(registry, ModelState::kWarming, "11");
  const auto newest = registry.Resolve("m", "");
  const auto ninth = registry.Resolve("m", "9");
  const auto tenth = registry.Resolve("m", "10");
  ASSERT_TRUE(newest.ok() && ninth.ok() && tenth.ok());
  EXPECT_EQ(*newest, *tenth);
  EXPECT_NE(*newest, *ninth);
}

TEST(ModelRegistryTest, AnEmptyNameMeansTheOnlyModel) {
  ModelRegistry registry;
  EXPECT_EQ(registry.Resolve("", "").status().code(), absl::StatusCode::kNotFound);
  Bring(registry, ModelState::kReady);
  EXPECT_TRUE(registry.Resolve("", "").ok());
  EXPECT_TRUE(registry.Resolve("", "1").ok());
  ASSERT_TRUE(registry.Declare("n", "1").ok());
  const absl::Status status = registry.Resolve("", "").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("m, n"));
}

void Serve(ModelRegistry& registry, std::shared_ptr<const LoadedModel> model) {
  const std::string name = model->name();
  ASSERT_TRUE(registry.Declare(name, "1").ok());
  ASSERT_TRUE(registry.Transition(name, "1", ModelState::kWarming).ok());
  ASSERT_TRUE(registry.Publish(name, "1", {.model = std::move(model), .queue = nullptr}).ok());
}

TEST(ModelRegistryTest, AnEmptyNameMeansTheOnlyModelForTheTask) {
  ModelRegistry registry;
  Serve(registry, TinyModel(1, "classes"));
  Bring(registry, ModelState::kLoading);  // nobody knows yet what it does
  const auto resolve = [&](models::OutputKind kind) { return registry.Resolve("", "", kind); };
  EXPECT_EQ((*resolve(models::OutputKind::kClassification))->model->name(), "classes");
  EXPECT_THAT(std::string(resolve(models::OutputKind::kFaceDetection).status().message()),
              HasSubstr("no face detector is ready; this server has: classes, m"));

  Serve(registry, TinyFaceDetector("faces"));
  EXPECT_EQ((*resolve(models::OutputKind::kFaceDetection))->model->name(), "faces");

  Serve(registry, TinyFaceDetector("more_faces"));
  EXPECT_EQ((*resolve(models::OutputKind::kClassification))->model->name(), "classes");
  const absl::Status status = resolve(models::OutputKind::kFaceDetection).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("more than one face detector: faces, more_faces"));
}

TEST(ModelRegistryTest, WhatIsUnknownIsNotFoundInTritonsWords) {
  ModelRegistry registry;
  Bring(registry, ModelState::kReady);
  Bring(registry, ModelState::kReady, "12");
  const absl::Status model = registry.Resolve("x", "").status();
  EXPECT_EQ(model.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(model.message(),
            "Request for unknown model: 'x' is not found; this server has these: m");
  for (const char* version : {"2", "one", "01"}) {
    const absl::Status status = registry.Resolve("m", version).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(status.message(), absl::StrCat("Request for unknown model: 'm' version ", version,
                                             " is not found; this server has these: 1, 12"));
  }
}

TEST(ModelRegistryTest, WhatIsNotReadySaysItsStateAndReason) {
  for (const ModelState state : kAllStates) {
    if (state == ModelState::kReady) continue;
    ModelRegistry registry;
    Bring(registry, state);
    for (const char* version : {"", "1"}) {
      const absl::Status status = registry.Resolve("m", version).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_EQ(status.message(),
                absl::StrCat("model 'm' version 1 is not ready, it is ", ToString(state),
                             state == ModelState::kFailed ? ": bad file" : ""));
    }
  }
}

TEST(ModelRegistryTest, AVersionInUseOutlivesItsRemoval) {
  ModelRegistry registry;
  Bring(registry, ModelState::kReady);
  std::weak_ptr<const Servable> watch;
  {
    const auto servable = registry.Resolve("m", "1");
    ASSERT_TRUE(servable.ok());
    watch = *servable;
    ASSERT_TRUE(registry.Transition("m", "1", ModelState::kDraining).ok());
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

TEST(ModelRegistryTest, ListsByModelAndNumber) {
  ModelRegistry registry;
  for (const char* version : {"10", "9"}) ASSERT_TRUE(registry.Declare("m", version).ok());
  ASSERT_TRUE(registry.Declare("a", "3").ok());
  std::vector<std::string> list;
  for (const VersionStatus& s : registry.List()) list.push_back(s.model + s.version);
  EXPECT_THAT(list, ElementsAre("a3", "m9", "m10"));
}

TEST(ModelRegistryTest, AllReadyNeedsOneAndEvery) {
  ModelRegistry registry;
  EXPECT_FALSE(registry.AllReady());
  Bring(registry, ModelState::kReady);
  EXPECT_TRUE(registry.AllReady());
  Bring(registry, ModelState::kWarming, "2");
  EXPECT_FALSE(registry.AllReady());
  ASSERT_TRUE(registry.Publish("m", "2", {}).ok());
  EXPECT_TRUE(registry.AllReady());
}

TEST(ModelRegistryTest, ListenersHearEveryChangeWithoutTheLock) {
  ModelRegistry registry;
  std::vector<std::string> heard;
  registry.AddListener([&](const VersionStatus& status) {
    heard.push_back(absl::StrCat(status.model, status.version, " ", ToString(status.state), " ",
                                 status.reason.message()));
    registry.List();  // would deadlock with the lock held
  });
  Bring(registry, ModelState::kReady);
  EXPECT_FALSE(registry.Transition("m", "1", ModelState::kLoading).ok());  // not heard
  Bring(registry, ModelState::kFailed, "2");
  EXPECT_THAT(heard, ElementsAre("m1 loading ", "m1 warming ", "m1 ready ", "m2 loading ",
                                 "m2 failed bad file"));
}

}  // namespace
}  // namespace siskin::engine
