// What becomes known of a model when it is loaded: its queue, its memory, how long it took.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/batching/scheduler.h"
#include "server/metrics/metrics.h"
#include "tests/fakes/fake_task.h"
#include "tests/server/metrics/exposition.h"
#include "tests/server/metrics/small_model.h"

namespace siskin::metrics {
namespace {

using engine::ModelState;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

class ModelLoadTest : public ::testing::Test {
 protected:
  static constexpr int kCapacity = 17;

  static void SetUpTestSuite() { model_ = siskin::testing::SmallModel("net"); }
  static void TearDownTestSuite() { model_.reset(); }
  void SetUp() override { ASSERT_NE(model_, nullptr); }

  void SetState(ModelState state) { metrics_->OnModelState({"net", "1", state, {}}); }
  void Load() {
    SetState(ModelState::kWarming);
    queue_ = scheduler_.AddQueue({.limits = {8, absl::Hours(1)}, .capacity = kCapacity}, nullptr)
                 .value();
    metrics_->OnModelLoaded(
        {.model = model_, .queue = queue_},
        {.load = absl::Milliseconds(300), .warm_up = absl::Milliseconds(20), .lanes = 3});
    SetState(ModelState::kReady);
  }
  std::optional<double> Value(const std::string& series) const {
    return siskin::testing::Sample(metrics_->Scrape(), series);
  }

  static std::shared_ptr<const engine::LoadedModel> model_;

  const std::unique_ptr<Metrics> metrics_ = Metrics::Create({.triton_aliases = true});
  std::array<siskin::testing::TaskEnd, 5> ends_;
  batching::Scheduler scheduler_;
  std::shared_ptr<batching::BatchQueue> queue_;
};

std::shared_ptr<const engine::LoadedModel> ModelLoadTest::model_;

TEST_F(ModelLoadTest, AModelThatIsLoadingHasNoneOfIt) {
  SetState(ModelState::kLoading);
  for (const char* name :
       {"siskin_queue_depth{", "siskin_queue_capacity{", "siskin_model_load_duration_seconds{",
        "siskin_model_warmup_duration_seconds{", "siskin_model_memory_bytes{"}) {
    EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr(name)));
  }
}

TEST_F(ModelLoadTest, TellsWhatLoadingTookAndTakes) {
  Load();
  EXPECT_THAT(Value(R"(siskin_model_load_duration_seconds{model="net",version="1"})"),
              Optional(0.3));
  EXPECT_THAT(Value(R"(siskin_model_warmup_duration_seconds{model="net",version="1"})"),
              Optional(0.02));
  EXPECT_THAT(Value(R"(siskin_model_memory_bytes{kind="weights",model="net",version="1"})"),
              Optional(static_cast<double>(model_->weight_bytes())));
  EXPECT_THAT(Value(R"(siskin_model_memory_bytes{kind="arena",model="net",version="1"})"),
              Optional(3.0 * static_cast<double>(model_->arena_bytes())));
}

TEST_F(ModelLoadTest, TheQueueIsReadAtScrapeTime) {
  Load();
  EXPECT_THAT(Value(R"(siskin_queue_depth{model="net"})"), Optional(0));
  EXPECT_THAT(Value(R"(siskin_queue_capacity{model="net"})"), Optional(kCapacity));
  for (siskin::testing::TaskEnd& end : ends_) {
    std::unique_ptr<batching::Task> task = std::make_unique<siskin::testing::FakeTask>(end);
    ASSERT_TRUE(queue_->Enqueue(task).ok());
  }
  EXPECT_THAT(Value(R"(siskin_queue_depth{model="net"})"), Optional(5));
  EXPECT_THAT(Value(R"(nv_inference_pending_request_count{model="net",version="1"})"), Optional(5));
  scheduler_.RemoveQueue(*queue_);
  EXPECT_THAT(Value(R"(siskin_queue_depth{model="net"})"), Optional(0));
}

TEST_F(ModelLoadTest, CostsAndThePredictedWaitAreReadAtScrapeTime) {
  const absl::Duration ms = absl::Milliseconds(1);
  SetState(ModelState::kWarming);
  queue_ = scheduler_.AddQueue({.costs = batching::CostModel({{1, 4 * ms}, {8, 32 * ms}})}, nullptr)
               .value();
  metrics_->OnModelLoaded({.model = model_, .queue = queue_}, {.lanes = 1});
  SetState(ModelState::kReady);
  const char* const single = R"(siskin_batch_cost_seconds{batch="1",model="net",version="1"})";
  const char* const wait = R"(siskin_predicted_wait_seconds{model="net"})";
  EXPECT_THAT(Value(single), Optional(0.004));
  EXPECT_THAT(Value(R"(siskin_batch_cost_seconds{batch="8",model="net",version="1"})"),
              Optional(0.032));
  EXPECT_THAT(Value(wait), Optional(0));
  queue_->Observe(1, 5 * ms);
  for (siskin::testing::TaskEnd& end : ends_) {
    std::unique_ptr<batching::Task> task = std::make_unique<siskin::testing::FakeTask>(end);
    ASSERT_TRUE(queue_->Enqueue(task).ok());
  }
  EXPECT_THAT(Value(single), Optional(0.005));
  EXPECT_THAT(Value(wait), Optional(::testing::Gt(0.016)));  // five images, as a batch of 8 does
}

TEST_F(ModelLoadTest, TheQueuesOfTwoVersionsAddUp) {
  Load();
  metrics_->OnModelState({"net", "2", ModelState::kWarming, {}});
  metrics_->OnModelLoaded({.model = siskin::testing::SmallModel("net", "2"),
                           .queue = scheduler_.AddQueue({.capacity = 4}, nullptr).value()},
                          {.lanes = 1});
  EXPECT_THAT(Value(R"(siskin_queue_capacity{model="net"})"), Optional(kCapacity + 4));
  SetState(ModelState::kUnloaded);
  EXPECT_THAT(Value(R"(siskin_queue_capacity{model="net"})"), Optional(4));
}

TEST_F(ModelLoadTest, EverythingGoesWhenTheModelIsUnloaded) {
  Load();
  std::weak_ptr<batching::BatchQueue> watch = queue_;
  scheduler_.RemoveQueue(*queue_);
  queue_.reset();
  metrics_->OnSkipped(*model_, Rejection::kDeadline);
  SetState(ModelState::kUnloaded);
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr(R"(model="net")")));
  EXPECT_TRUE(watch.expired());
  Load();
  EXPECT_THAT(Value(R"(siskin_saved_images_total{model="net",reason="deadline"})"), Optional(0));
}

TEST_F(ModelLoadTest, SkippedImagesAreCountedByReason) {
  metrics_->OnSkipped(*model_, Rejection::kDeadline);  // not known yet
  Load();
  metrics_->OnSkipped(*model_, Rejection::kDeadline);
  metrics_->OnSkipped(*model_, Rejection::kCancelled);
  metrics_->OnSkipped(*model_, Rejection::kCancelled);
  EXPECT_THAT(Value(R"(siskin_saved_images_total{model="net",reason="deadline"})"), Optional(1));
  EXPECT_THAT(Value(R"(siskin_saved_images_total{model="net",reason="cancelled"})"), Optional(2));
}

}  // namespace
}  // namespace siskin::metrics
