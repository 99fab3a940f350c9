// A lane on the thread of the test, with a network that takes the time, and ends as, the test says.
#include "server/engine/lane.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/fake_inference_task.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/tiny_model.h"

namespace siskin::engine {
namespace {

using ::siskin::testing::FakeInferenceTask;
using ::siskin::testing::InferenceEnd;
using ::siskin::testing::ManualClock;
using ::siskin::testing::TinyModel;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ScriptedLane : public Lane {
 public:
  ScriptedLane(batching::Scheduler& scheduler, BatchObserver& observer, ManualClock& clock)
      : Lane(/*index=*/0, scheduler, &observer), clock_(clock) {}

  absl::Duration takes;  // a run of a plan, of whatever size
  absl::Status fails;    // how runs of more than one image end

 protected:
  absl::Status Compute(const ops::Plan& plan, ops::Workspace& workspace) override {
    clock_.Advance(takes);
    return plan.batch_size() > 1 && !fails.ok() ? fails : Lane::Compute(plan, workspace);
  }

 private:
  ManualClock& clock_;
};

class LaneTest : public ::testing::Test, private BatchObserver {
 protected:
  void Start(int max_batch_size) {
    model_ = TinyModel(max_batch_size);
    auto lane_model = LaneModel::Make(model_);
    ASSERT_TRUE(lane_model.ok()) << lane_model.status();
    lane_.Add(*std::move(lane_model));
    const batching::BatchLimits limits = {max_batch_size, absl::Hours(1)};
    queue_ = scheduler_.AddQueue({.limits = limits}, model_.get()).value();
  }

  InferenceEnd& Enqueue(absl::Duration prepare) {
    InferenceEnd& end = ends_.emplace_back();
    std::unique_ptr<batching::Task> task =
        std::make_unique<FakeInferenceTask>(end, [this, prepare](absl::Span<float> image) {
          std::fill(image.begin(), image.end(), 0.5f);
          clock_.Advance(prepare);
          return absl::OkStatus();
        });
    EXPECT_TRUE(queue_->Enqueue(task).ok());
    return end;
  }

  // Serves what is queued.
  void Run() {
    scheduler_.Drain();
    lane_.Run();
  }

  ManualClock clock_;
  batching::Scheduler scheduler_{clock_};
  ScriptedLane lane_{scheduler_, *this, clock_};
  std::shared_ptr<const LoadedModel> model_;
  std::shared_ptr<batching::BatchQueue> queue_;
  std::deque<InferenceEnd> ends_;

  // What the lane told.
  std::vector<int> images_;               // of each batch
  std::vector<absl::Duration> computed_;  // each batch
  std::vector<absl::Duration> busy_;

 private:
  void OnBatch(const LoadedModel&, int size, batching::CloseReason,
               absl::Duration compute) override {
    images_.push_back(size);
    computed_.push_back(compute);
  }
  void OnLaneBusy(int, absl::Duration busy) override { busy_.push_back(busy); }
  void OnSkipped(const LoadedModel&, Rejection) override {}
};

TEST_F(LaneTest, TimesAreThoseOfTheStages) {
  Start(/*max_batch_size=*/2);
  lane_.takes = absl::Milliseconds(5);
  const InferenceEnd& first = Enqueue(absl::Milliseconds(3));
  clock_.Advance(absl::Milliseconds(10));
  const InferenceEnd& second = Enqueue(absl::Milliseconds(4));
  Run();
  EXPECT_EQ(first.timing.queue, absl::Milliseconds(10));
  EXPECT_EQ(first.timing.prepare, absl::Milliseconds(3));
  EXPECT_EQ(second.timing.queue, absl::ZeroDuration());
  EXPECT_EQ(second.timing.prepare, absl::Milliseconds(4));
  for (const InferenceEnd& end : ends_) {
    EXPECT_EQ(end.timing.compute, absl::Milliseconds(5));
    EXPECT_EQ(end.timing.batch_size, 2);
  }
  EXPECT_THAT(computed_, ElementsAre(absl::Milliseconds(5)));
  EXPECT_THAT(busy_, ElementsAre(absl::Milliseconds(3 + 4 + 5)));
}

// Three images run as two and one. What the others take is in no time of the third.
TEST_F(LaneTest, EachChunkHasItsOwnTimes) {
  Start(/*max_batch_size=*/4);
  lane_.takes = absl::Milliseconds(7);
  for (int i = 0; i < 3; ++i) Enqueue(absl::Milliseconds(1));
  clock_.Advance(absl::Milliseconds(2));
  Run();
  for (const InferenceEnd& end : ends_) {
    EXPECT_EQ(end.timing.queue, absl::Milliseconds(2));
    EXPECT_EQ(end.timing.prepare, absl::Milliseconds(1));
    EXPECT_EQ(end.timing.compute, absl::Milliseconds(7));
  }
  EXPECT_EQ(ends_[0].timing.batch_size, 2);
  EXPECT_EQ(ends_[2].timing.batch_size, 1);
  EXPECT_THAT(images_, ElementsAre(3));
  EXPECT_THAT(computed_, ElementsAre(absl::Milliseconds(7 + 7)));
  EXPECT_THAT(busy_, ElementsAre(absl::Milliseconds(1 + 1 + 7 + 1 + 7)));
}

TEST_F(LaneTest, AFailedRunAnswersItsOwnTasksAlone) {
  Start(/*max_batch_size=*/4);
  lane_.fails = absl::InternalError("out of luck");
  for (int i = 0; i < 3; ++i) Enqueue(absl::ZeroDuration());
  Run();
  for (const int i : {0, 1}) {
    EXPECT_EQ(ends_[i].ends, 1);
    EXPECT_EQ(ends_[i].status.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(ends_[i].status.message()),
                HasSubstr("the network failed: out of luck"));
    EXPECT_THAT(ends_[i].outputs, IsEmpty());
  }
  EXPECT_TRUE(ends_[2].status.ok()) << ends_[2].status;
  EXPECT_THAT(images_, ElementsAre(1));  // those that were answered
}

}  // namespace
}  // namespace siskin::engine
