// Several producers, lanes and models, bad pictures, cancellations and deadlines, a drain in the
// middle: every accepted task ends exactly once.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "server/engine/lane_pool.h"
#include "tests/fakes/fake_inference_task.h"
#include "tests/fakes/tiny_model.h"

namespace siskin::engine {
namespace {

using ::siskin::testing::FakeInferenceTask;
using ::siskin::testing::InferenceEnd;
using ::siskin::testing::kTinyClasses;
using ::siskin::testing::TinyModel;

constexpr int kProducers = 3;
constexpr int kTasksPerProducer = 300;
constexpr int kTotal = kProducers * kTasksPerProducer;

struct Record {
  InferenceEnd end;
  bool accepted = false;
};

class CountingObserver : public BatchObserver {
 public:
  void OnBatch(const LoadedModel&, int size, batching::CloseReason, absl::Duration) override {
    images += size;
  }
  void OnLaneBusy(int, absl::Duration) override {}
  void OnSkipped(const LoadedModel&, Rejection) override {}
  std::atomic<int> images{0};
};

class LanePoolStressTest : public ::testing::Test {
 protected:
  void Produce(int producer) {
    std::mt19937 random(producer);
    for (int i = 0; i < kTasksPerProducer; ++i) {
      Record& record = records_[producer * kTasksPerProducer + i];
      auto cancel = std::make_shared<batching::CancelFlag>();
      const unsigned fate = random() % 8;
      const MonotonicTime deadline = fate == 0 ? scheduler_.clock().Now() + absl::Microseconds(500)
                                               : MonotonicTime::InfiniteFuture();
      std::unique_ptr<batching::Task> task = std::make_unique<FakeInferenceTask>(
          record.end,
          [bad = fate == 1](absl::Span<float> image) {
            std::fill(image.begin(), image.end(), 0.5f);
            return bad ? absl::InvalidArgumentError("not a picture") : absl::OkStatus();
          },
          deadline, cancel);
      record.accepted = queues_[random() % queues_.size()]->Enqueue(task).ok();
      if (fate == 2) cancel->Cancel();
      if (++produced_ == 3 * kTotal / 4) scheduler_.Drain();
    }
  }

  std::vector<Record> records_ = std::vector<Record>(kTotal);
  std::atomic<int> produced_{0};
  batching::Scheduler scheduler_;
  std::vector<std::shared_ptr<batching::BatchQueue>> queues_;
};

TEST_F(LanePoolStressTest, EveryAcceptedTaskEndsExactlyOnce) {
  CountingObserver observer;
  auto pool = LanePool::Start({.lanes = 3, .cpus = {}}, scheduler_, &observer);
  ASSERT_TRUE(pool.ok()) << pool.status();
  const std::shared_ptr<const LoadedModel> models[] = {TinyModel(4, "a"), TinyModel(7, "b", 2)};
  for (const auto& model : models) {
    ASSERT_TRUE((*pool)->Prepare(model).ok());
    const batching::BatchLimits limits = {model->max_batch_size(), absl::Microseconds(300)};
    queues_.push_back(*scheduler_.AddQueue({.limits = limits, .capacity = 64}, model.get()));
  }
  std::vector<std::thread> producers;
  for (int i = 0; i < kProducers; ++i) producers.emplace_back([this, i] { Produce(i); });
  for (std::thread& producer : producers) producer.join();
  pool->reset();  // joins

  int answered = 0;
  for (const Record& record : records_) {
    EXPECT_EQ(record.end.ends.load(), record.accepted ? 1 : 0);
    if (record.end.status.ok()) {
      ++answered;
      EXPECT_EQ(record.end.outputs.size(), static_cast<size_t>(kTinyClasses));
    }
  }
  EXPECT_GT(answered, 0);
  EXPECT_LT(answered, kTotal);
  EXPECT_EQ(observer.images, answered);
}

}  // namespace
}  // namespace siskin::engine
