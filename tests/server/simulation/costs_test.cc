#include "server/simulation/costs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siskin::simulation {
namespace {

using ::testing::HasSubstr;

absl::Duration Ms(double ms) { return absl::Milliseconds(ms); }

std::string CostsError(const std::string& json) {
  const auto costs = ParseCosts(json, "costs.json");
  EXPECT_EQ(costs.status().code(), absl::StatusCode::kInvalidArgument) << json;
  return std::string(costs.status().message());
}

TEST(CostListTest, IsRead) {
  const auto model = ParseCostList("8=37ms,1=5.1ms");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->queue.limits.max_batch_size, 8);
  EXPECT_EQ(model->queue.costs.Cost(8), Ms(37));
  EXPECT_EQ(model->queue.costs.Cost(1), Ms(5.1));
  EXPECT_EQ(model->truth.Mean(8), absl::ToInt64Nanoseconds(Ms(37)));
}

TEST(CostListTest, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "as 1=5.1ms,8=37ms, got ''"},
      {"1", "got '1'"},
      {"1=5.1", "got '1=5.1'"},  // without a unit
      {"1=5ms,", "got ''"},
      {"1=0ms", "a time above 0"},
      {"1=-5ms", "a time above 0"},
      {"1=inf", "a time above 0 and up to 1h, got inf"},
      {"8=37ms", "the cost of a batch of 1"},
      {"1=5ms,1=6ms", "got 1 twice"},
      {"0=5ms", "batch size"},
      {"1=5ms,257=9ms", "batch size"},
  };
  for (const auto& [text, message] : cases) {
    const auto model = ParseCostList(text);
    EXPECT_EQ(model.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(model.status().message()), HasSubstr(message)) << text;
  }
}

TEST(CostsTest, AServersStatusIsSuchAFile) {
  const auto models = ParseCosts(R"({"server": {"lanes": 2}, "models": [
      {"name": "broken", "state": "failed"},
      {"name": "net", "state": "ready", "costs": [{"batch_size": 2, "ms": 7}, {"batch_size": 1, "ms": 4}],
       "batching": {"max_batch_size": 3, "max_delay_ms": 1.5, "queue_capacity": 9}, "classes": 10}]})",
                                 "status.json");
  ASSERT_TRUE(models.ok()) << models.status();
  ASSERT_EQ(models->size(), 1u);
  EXPECT_EQ(models->front().name, "net");
  const batching::QueueOptions& queue = models->front().served.queue;
  EXPECT_EQ(queue.limits.max_batch_size, 3);
  EXPECT_EQ(queue.limits.max_delay, Ms(1.5));  // so the policy is the fixed one
  EXPECT_EQ(queue.capacity, 9);
  EXPECT_EQ(queue.costs.Cost(3), Ms(11));
  EXPECT_EQ(models->front().served.truth.plans().size(), 2u);
}

TEST(CostsTest, WhatIsWrittenIsReadAgain) {
  auto model = MakeModel({{1, {Ms(5), Ms(4), Ms(9)}}, {2, {Ms(8)}}});
  ASSERT_TRUE(model.ok()) << model.status();
  model->queue.limits = {
      .max_batch_size = 7, .max_delay = Ms(0.5), .preferred_batch_sizes = {2, 4}};
  model->queue.capacity = 17;
  model->queue.weight = 2.5;
  model->queue.in_order = true;
  model->queue.target_delay = Ms(250);
  const auto read = ParseCosts(FormatCosts({{"net", *model}}), "file");
  ASSERT_TRUE(read.ok()) << read.status();
  const ServedModel& served = read->front().served;
  EXPECT_EQ(served.queue.costs.Cost(1), Ms(5));  // the median
  EXPECT_EQ(served.queue.costs.Cost(2), Ms(8));
  EXPECT_EQ(served.queue.limits.max_batch_size, 7);
  EXPECT_EQ(served.queue.limits.max_delay, Ms(0.5));
  EXPECT_THAT(served.queue.limits.preferred_batch_sizes, ::testing::ElementsAre(2, 4));
  EXPECT_EQ(served.queue.capacity, 17);
  EXPECT_EQ(served.queue.weight, 2.5);
  EXPECT_TRUE(served.queue.in_order);
  EXPECT_EQ(served.queue.target_delay, Ms(250));
  EXPECT_THAT(served.truth.plans()[0].runs, ::testing::ElementsAre(Ms(4), Ms(5), Ms(9)));
  EXPECT_EQ(served.truth.Mean(1), 6 * kMillisecond);
}

TEST(CostsTest, WithoutADelayThePolicyIsAuto) {
  const auto model = MakeModel({{1, {Ms(5)}}, {2, {Ms(8)}}});
  ASSERT_TRUE(model.ok()) << model.status();
  const auto read = ParseCosts(FormatCosts({{"net", *model}}), "file");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->front().served.queue.limits.automatic());
  EXPECT_FALSE(read->front().served.queue.in_order);
  EXPECT_EQ(read->front().served.queue.limits.max_batch_size, 2);
}

TEST(CostsTest, WhatIsToldNeedNotBeTrue) {
  const auto models = ParseCosts(
      R"({"models": [{"name": "net", "costs": [{"batch_size": 1, "ms": 6, "runs_ms": [4, 5]}]}]})",
      "");
  ASSERT_TRUE(models.ok()) << models.status();
  EXPECT_EQ(models->front().served.queue.costs.Cost(1), Ms(6));
  EXPECT_EQ(models->front().served.truth.Mean(1), 4'500'000);
}

TEST(CostsTest, AThousandRunsAreKept) {
  MeasuredPlan plan;
  for (int i = 1; i <= 10'000; ++i) plan.runs.push_back(Ms(i));
  const auto model = MakeModel({plan});
  ASSERT_TRUE(model.ok()) << model.status();
  const auto read = ParseCosts(FormatCosts({{"net", *model}}), "file");
  ASSERT_TRUE(read.ok()) << read.status();
  const std::vector<absl::Duration>& runs = read->front().served.truth.plans()[0].runs;
  ASSERT_EQ(runs.size(), 1'000u);
  EXPECT_EQ(runs[0], Ms(6));  // of the first ten
  EXPECT_EQ(runs[500], Ms(5006));
  EXPECT_EQ(runs[999], Ms(9996));
}

TEST(CostsTest, SaysWhatIsWrong) {
  EXPECT_THAT(CostsError("{"), HasSubstr("costs.json: it is no JSON"));
  EXPECT_THAT(CostsError("[]"), HasSubstr("expected a list 'models'"));
  EXPECT_THAT(CostsError(R"({"models": 3})"), HasSubstr("expected a list 'models'"));
  EXPECT_THAT(CostsError(R"({"models": [{"name": "net"}]})"),
              HasSubstr("no model in it has 'costs'"));
  const auto with = [](const std::string& model) {
    return R"({"models": [{"name": "net", )" + model + "}]}";
  };
  EXPECT_THAT(CostsError(R"({"models": [{"costs": []}]})"), HasSubstr("no 'name'"));
  EXPECT_THAT(CostsError(with(R"("costs": [])")), HasSubstr("model net: expected a list 'costs'"));
  EXPECT_THAT(CostsError(with(R"("costs": [4])")), HasSubstr("expected an object"));
  EXPECT_THAT(CostsError(with(R"("costs": [{"batch_size": 0, "ms": 1}])")),
              HasSubstr("expected 'batch_size' from 1 to 256, got 0"));
  EXPECT_THAT(CostsError(with(R"("costs": [{"batch_size": 1}])")), HasSubstr("got nothing"));
  EXPECT_THAT(CostsError(with(R"("costs": [{"batch_size": 1, "ms": "5"}])")),
              HasSubstr("got \"5\""));
  EXPECT_THAT(CostsError(with(R"("costs": [{"batch_size": 2, "ms": 5}])")),
              HasSubstr("model net: expected the cost of a batch of 1"));
  EXPECT_THAT(CostsError(with(R"("costs": [{"batch_size": 1, "ms": 5, "runs_ms": [-1]}])")),
              HasSubstr("a time above 0"));
  EXPECT_THAT(CostsError(with(
                  R"("costs": [{"batch_size": 1, "ms": 5}], "batching": {"queue_capacity": 0})")),
              HasSubstr("'queue_capacity' from 1"));
}

}  // namespace
}  // namespace siskin::simulation
