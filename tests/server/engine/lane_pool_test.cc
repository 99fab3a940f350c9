#include "server/engine/lane_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "base/cpu_budget.h"
#include "base/thread_priority.h"
#include "tests/fakes/fake_inference_task.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/tiny_model.h"

namespace siskin::engine {
namespace {

using ::siskin::testing::FakeInferenceTask;
using ::siskin::testing::InferenceEnd;
using ::siskin::testing::kTinyClasses;
using ::siskin::testing::kTinyPixels;
using ::siskin::testing::ManualClock;
using ::siskin::testing::TinyModel;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pointwise;

// A picture of its own for each number.
void Paint(int number, absl::Span<float> image) {
  ASSERT_EQ(image.size(), 3u * kTinyPixels);
  for (size_t i = 0; i < image.size(); ++i) {
    image[i] =
        4 * std::sin(0.01f * static_cast<float>((number + 1) * i)) + static_cast<float>(number % 3);
  }
}

// What the network answers to picture `number`, computed alone.
std::vector<float> Reference(const LoadedModel& model, int number,
                             OutputSelector selector = OutputSelector::kOutputs) {
  const ops::Plan& single = *model.plans().back();
  ops::Arena arena(single.arena_bytes());
  auto workspace = single.MakeWorkspace(arena.bytes()).value();
  Paint(number, workspace->input());
  EXPECT_TRUE(single.Run(*workspace).ok());
  const auto values =
      selector == OutputSelector::kFeatures ? workspace->features() : workspace->output();
  return {values.begin(), values.end()};
}

class RecordingObserver : public BatchObserver {
 public:
  void OnBatch(const LoadedModel& model, int size, batching::CloseReason reason,
               absl::Duration) override {
    absl::MutexLock lock(&mu_);
    batches.push_back(absl::StrCat(model.name(), " ", size, " ", batching::ToString(reason)));
  }
  void OnLaneBusy(int lane, absl::Duration time) override {
    absl::MutexLock lock(&mu_);
    busy[lane] += time;
  }
  void OnSkipped(const LoadedModel&, Rejection) override {}

  // Read once the lanes have ended.
  std::vector<std::string> batches;
  std::map<int, absl::Duration> busy;  // by lane

 private:
  absl::Mutex mu_;
};

class LanePoolTest : public ::testing::Test {
 protected:
  void Start(std::shared_ptr<const LoadedModel> model, LanePool::Options options = {}) {
    auto pool = LanePool::Start(std::move(options), scheduler_, &observer_);
    ASSERT_TRUE(pool.ok()) << pool.status();
    pool_ = *std::move(pool);
    model_ = std::move(model);
    ASSERT_TRUE(pool_->Prepare(model_).ok());
    queue_ = AddQueue(*model_);
  }

  void TearDown() override { Finish(); }

  // Batches of this queue close when they are full or at the drain.
  std::shared_ptr<batching::BatchQueue> AddQueue(const LoadedModel& model) {
    const batching::BatchLimits limits = {model.max_batch_size(), absl::Hours(1)};
    return scheduler_.AddQueue({.limits = limits}, &model).value();
  }

  InferenceEnd& Enqueue(FakeInferenceTask::Prepared prepare,
                        OutputSelector selector = OutputSelector::kOutputs) {
    InferenceEnd& end = ends_.emplace_back();
    auto fake = std::make_unique<FakeInferenceTask>(end, std::move(prepare));
    fake->set_selector(selector);
    std::unique_ptr<batching::Task> task = std::move(fake);
    EXPECT_TRUE(queue_->Enqueue(task).ok());
    return end;
  }
  InferenceEnd& EnqueuePicture(int number, OutputSelector selector = OutputSelector::kOutputs) {
    return Enqueue(
        [number](absl::Span<float> image) {
          Paint(number, image);
          return absl::OkStatus();
        },
        selector);
  }
  InferenceEnd& EnqueueBadPicture() {
    return Enqueue([](absl::Span<float> image) {
      image[0] = std::nanf("");  // half written
      return absl::InvalidArgumentError("not a picture");
    });
  }

  // Serves what is queued and ends the lanes.
  void Finish() {
    scheduler_.Drain();
    pool_.reset();
  }

  void ExpectAnswer(const InferenceEnd& end, int number) {
    EXPECT_EQ(end.ends, 1);
    ASSERT_TRUE(end.status.ok()) << end.status;
    EXPECT_THAT(end.outputs, Pointwise(FloatNear(1e-4f), Reference(*model_, number))) << number;
  }
  static void ExpectRefused(const InferenceEnd& end) {
    EXPECT_EQ(end.ends, 1);
    EXPECT_EQ(end.status, absl::InvalidArgumentError("not a picture"));
  }

  std::vector<int> BatchSizes() const {
    std::vector<int> sizes;
    for (const InferenceEnd& end : ends_) sizes.push_back(end.timing.batch_size);
    return sizes;
  }

  std::deque<InferenceEnd> ends_;
  ManualClock clock_;
  RecordingObserver observer_;
  batching::Scheduler scheduler_{clock_};
  std::shared_ptr<const LoadedModel> model_;
  std::shared_ptr<batching::BatchQueue> queue_;
  std::unique_ptr<LanePool> pool_;
};

TEST_F(LanePoolTest, PicturesHaveDifferentAnswers) {
  Start(TinyModel(1));
  for (int i = 0; i < 8; ++i) {  // what the other tests rely on
    for (int j = 0; j < i; ++j) {
      EXPECT_THAT(Reference(*model_, i), Not(Pointwise(FloatNear(2e-3f), Reference(*model_, j))));
    }
  }
}

class BatchSizeTest : public LanePoolTest, public ::testing::WithParamInterface<int> {};

TEST_P(BatchSizeTest, ABatchAnswersLikeSingles) {
  Start(TinyModel(8));
  for (int i = 0; i < GetParam(); ++i) EnqueuePicture(i);
  Finish();
  for (int i = 0; i < GetParam(); ++i) ExpectAnswer(ends_[i], i);
}

INSTANTIATE_TEST_SUITE_P(EverySize, BatchSizeTest, ::testing::Range(1, 9));

TEST_F(LanePoolTest, EachOfABatchGetsTheValuesItIsAfter) {
  Start(TinyModel(/*max_batch_size=*/4));
  std::vector<InferenceEnd*> ends;
  const auto reading_of = [](int number) {
    return number % 2 == 0 ? OutputSelector::kFeatures : OutputSelector::kOutputs;
  };
  for (int number = 0; number < 4; ++number) {
    ends.push_back(&EnqueuePicture(number, reading_of(number)));
  }
  Finish();
  for (int number = 0; number < 4; ++number) {
    EXPECT_EQ(ends[number]->outputs.size(),
              static_cast<size_t>(number % 2 == 0 ? model_->features() : kTinyClasses));
    EXPECT_THAT(ends[number]->outputs,
                Pointwise(FloatNear(1e-4f), Reference(*model_, number, reading_of(number))));
  }
}

TEST_F(LanePoolTest, ChunksAreTheLargestPlansThatFit) {
  Start(TinyModel(8));
  for (int i = 0; i < 7; ++i) EnqueuePicture(i);
  Finish();
  for (int i = 0; i < 7; ++i) ExpectAnswer(ends_[i], i);
  EXPECT_THAT(BatchSizes(), ElementsAre(4, 4, 4, 4, 2, 2, 1));
  EXPECT_THAT(observer_.batches, ElementsAre("tiny 7 draining"));
}

TEST_F(LanePoolTest, AFullBatchRunsAtOnce) {
  Start(TinyModel(4));
  for (int i = 0; i < 8; ++i) EnqueuePicture(i);
  Finish();
  for (int i = 0; i < 8; ++i) ExpectAnswer(ends_[i], i);
  EXPECT_THAT(BatchSizes(), ElementsAre(4, 4, 4, 4, 4, 4, 4, 4));
  EXPECT_THAT(observer_.batches, ElementsAre("tiny 4 full", "tiny 4 full"));
}

TEST_F(LanePoolTest, ABadPictureLeavesItsPlaceToTheNext) {
  Start(TinyModel(7));  // plans of 4, 2, 1
  EnqueuePicture(0);
  EnqueueBadPicture();
  for (int i = 2; i < 5; ++i) EnqueuePicture(i);
  Finish();
  ExpectRefused(ends_[1]);
  for (const int i : {0, 2, 3, 4}) ExpectAnswer(ends_[i], i);
  EXPECT_THAT(BatchSizes(), ElementsAre(4, 0, 4, 4, 4));
  EXPECT_THAT(observer_.batches, ElementsAre("tiny 4 draining"));
}

TEST_F(LanePoolTest, AShortChunkRunsInTheSmallestPlanThatHoldsIt) {
  Start(TinyModel(8));
  const std::vector<int> good = {1, 4, 6};
  for (int i = 0; i < 8; ++i) {
    if (std::count(good.begin(), good.end(), i) > 0) {
      EnqueuePicture(i);
    } else {
      EnqueueBadPicture();
    }
  }
  Finish();
  for (const int i : good) ExpectAnswer(ends_[i], i);
  for (const int i : {0, 2, 3, 5, 7}) ExpectRefused(ends_[i]);
  EXPECT_THAT(BatchSizes(), ElementsAre(0, 3, 0, 0, 3, 0, 3, 0));
}

TEST_F(LanePoolTest, BadPicturesAloneComputeNothing) {
  Start(TinyModel(4));
  for (int i = 0; i < 3; ++i) EnqueueBadPicture();
  Finish();
  for (const InferenceEnd& end : ends_) ExpectRefused(end);
  EXPECT_TRUE(observer_.batches.empty());
}

TEST_F(LanePoolTest, ALaneIsBusyWithWhatItRefusesToo) {
  Start(TinyModel(2), {.lanes = 1, .cpus = {}});
  Enqueue([this](absl::Span<float>) {
    clock_.Advance(absl::Milliseconds(5));
    return absl::InvalidArgumentError("not a picture");
  });
  Finish();
  EXPECT_TRUE(observer_.batches.empty());
  EXPECT_THAT(observer_.busy, ElementsAre(std::pair(0, absl::Milliseconds(5))));
}

TEST_F(LanePoolTest, ALaneIsNamedAndPinnedAndGivesWay) {
  const int cpu = DetectCpuBudget().cpus.back();
  Start(TinyModel(1), {.lanes = 1, .cpus = {cpu}, .give_way = 2});
  char name[16] = "";
  int nice = 0;
  cpu_set_t mask;
  Enqueue([&](absl::Span<float>) {
    pthread_getname_np(pthread_self(), name, sizeof(name));
    pthread_getaffinity_np(pthread_self(), sizeof(mask), &mask);
    nice = ThreadNice();
    return absl::CancelledError("seen enough");
  });
  Finish();
  EXPECT_STREQ(name, "lane-0");
  EXPECT_EQ(nice, std::min(ThreadNice() + 2, 19));
  EXPECT_EQ(CPU_COUNT(&mask), 1);
  EXPECT_TRUE(CPU_ISSET(cpu, &mask));
}

TEST_F(LanePoolTest, LanesWorkSideBySide) {
  Start(TinyModel(1), {.lanes = 2, .cpus = {}});
  EXPECT_EQ(pool_->lanes(), 2);
  absl::Notification second_runs;
  Enqueue([&](absl::Span<float> image) {
    second_runs.WaitForNotification();  // ends only if another lane takes the second task
    Paint(0, image);
    return absl::OkStatus();
  });
  Enqueue([&](absl::Span<float> image) {
    second_runs.Notify();
    Paint(1, image);
    return absl::OkStatus();
  });
  Finish();
  for (int i = 0; i < 2; ++i) ExpectAnswer(ends_[i], i);
  EXPECT_EQ(observer_.busy.size(), 2u);
}

TEST_F(LanePoolTest, TwoModelsTakeTurns) {
  Start(TinyModel(2, "a", /*seed=*/1));
  const auto other = TinyModel(2, "b", /*seed=*/2);
  ASSERT_TRUE(pool_->Prepare(other).ok());
  const auto queue_a = queue_;
  const auto queue_b = AddQueue(*other);
  for (int i = 0; i < 8; ++i) {
    queue_ = i % 2 == 0 ? queue_a : queue_b;
    EnqueuePicture(i);
  }
  Finish();
  const auto model_a = model_;
  for (int i = 0; i < 8; ++i) {
    model_ = i % 2 == 0 ? model_a : other;
    ExpectAnswer(ends_[i], i);
  }
}

TEST_F(LanePoolTest, AModelIsPreparedOnceAndCanBeForgotten) {
  Start(TinyModel(1));
  EXPECT_EQ(pool_->Prepare(model_).status().code(), absl::StatusCode::kAlreadyExists);
  std::weak_ptr<const LoadedModel> watch = model_;
  scheduler_.RemoveQueue(*queue_);
  pool_->Forget(*model_);
  pool_->Forget(*model_);  // again: no effect
  model_.reset();
  EXPECT_TRUE(watch.expired());
  Finish();
}

TEST_F(LanePoolTest, ABatchOfAModelThatWasNotPreparedIsFailed) {
  Start(TinyModel(1));
  const auto stranger = TinyModel(2, "stranger");
  queue_ = AddQueue(*stranger);
  for (int i = 0; i < 2; ++i) EnqueuePicture(i);
  Finish();
  for (const InferenceEnd& end : ends_) {
    EXPECT_EQ(end.ends, 1);
    EXPECT_EQ(end.status.code(), absl::StatusCode::kInternal);
  }
  EXPECT_TRUE(observer_.batches.empty());
}

TEST_F(LanePoolTest, OptionsThatCannotBeAreRefused) {
  const auto start = [this](LanePool::Options options) {
    return LanePool::Start(std::move(options), scheduler_, nullptr).status();
  };
  for (const int lanes : {0, -1, LanePool::kMaxLanes + 1}) {
    EXPECT_EQ(start({.lanes = lanes, .cpus = {}}).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(start({.lanes = 1, .cpus = {-1}}).code(), absl::StatusCode::kInvalidArgument);
  const absl::Status status = start({.lanes = 3, .cpus = {0, 1 << 20}});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cpu 1048576"));
}

}  // namespace
}  // namespace siskin::engine
