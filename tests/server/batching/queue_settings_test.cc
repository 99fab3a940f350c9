#include "server/batching/queue_settings.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/time/time.h"

namespace siskin::batching {
namespace {

constexpr absl::Duration kNone = absl::ZeroDuration();
const absl::Duration kMs = absl::Milliseconds(1);

struct Case {
  std::string name;
  QueueSettings model;
  QueueDefaults server;
  std::optional<absl::Duration> max_delay;  // that holds; unset: auto
};

class PolicyTest : public ::testing::TestWithParam<Case> {};

TEST_P(PolicyTest, Holds) {
  EXPECT_EQ(Resolve(GetParam().model, GetParam().server).limits.max_delay, GetParam().max_delay);
}

const Case kCases[] = {
    {"NothingStatedIsAuto", {}, {}, std::nullopt},
    {"ADelayIsFixed", {.max_delay = kMs}, {}, kMs},
    {"ADelayOfZeroIsAuto", {.max_delay = kNone}, {}, std::nullopt},
    {"FixedWithoutADelay", {.policy = BatchPolicy::kFixed}, {}, kNone},
    {"FixedWithADelay", {.policy = BatchPolicy::kFixed, .max_delay = kMs}, {}, kMs},
    {"APreferredSizeIsFixed", {.preferred_batch_sizes = {4}}, {}, kNone},
    {"TheServersDelayReplaces", {.max_delay = kMs}, {.max_delay = 2 * kMs}, 2 * kMs},
    {"TheServersDelayIsFixed", {}, {.max_delay = 2 * kMs}, 2 * kMs},
    {"TheServersZeroIsAuto", {.max_delay = kMs}, {.max_delay = kNone}, std::nullopt},
    {"TheServersZeroKeepsThePolicy",
     {.policy = BatchPolicy::kFixed, .max_delay = kMs},
     {.max_delay = kNone},
     kNone},
    {"TheServersPolicy", {}, {.policy = BatchPolicy::kFixed}, kNone},
    {"TheModelsPolicyWins",
     {.policy = BatchPolicy::kAuto},
     {.max_delay = kMs, .policy = BatchPolicy::kFixed},
     std::nullopt},
    {"TheModelsDelayWins", {.max_delay = kMs}, {.policy = BatchPolicy::kAuto}, kMs},
};

INSTANTIATE_TEST_SUITE_P(Table, PolicyTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(ResolveTest, WhatIsStatedHolds) {
  const QueueOptions options =
      Resolve({.max_batch_size = 4, .preferred_batch_sizes = {2, 3}, .capacity = 7}, {});
  EXPECT_EQ(options.limits.max_batch_size, 4);
  EXPECT_EQ(options.limits.preferred_batch_sizes, (std::vector<int>{2, 3}));
  EXPECT_EQ(options.capacity, 7);
  EXPECT_EQ(options.weight, 1);
  EXPECT_EQ(options.target_delay, kNone);
  EXPECT_EQ(Resolve({.weight = 2.5}, {}).weight, 2.5);
  EXPECT_EQ(Resolve({.max_batch_size = 4}, {.max_batch_size = 9}).limits.max_batch_size, 9);
}

TEST(ResolveTest, TheModelsTargetWins) {
  EXPECT_EQ(Resolve({}, {.target_delay = kMs}).target_delay, kMs);
  EXPECT_EQ(Resolve({.target_delay = 2 * kMs}, {.target_delay = kMs}).target_delay, 2 * kMs);
}

TEST(CheckLanesTest, ThreadsAreLanes) {
  EXPECT_TRUE(CheckLanes({}, 2).ok());
  EXPECT_TRUE(CheckLanes({.num_batch_threads = 2}, 2).ok());
  EXPECT_EQ(std::string(CheckLanes({.num_batch_threads = 8}, 2).message()),
            "num_batch_threads is 8, the server has 2 lanes, which serve all models; set their "
            "number with siskin serve --lanes, and leave num_batch_threads out");
}

TEST(PolicyOfTest, HasNames) {
  EXPECT_STREQ(ToString(PolicyOf({})), "auto");
  EXPECT_STREQ(ToString(PolicyOf({8, kNone})), "fixed");
}

}  // namespace
}  // namespace siskin::batching
