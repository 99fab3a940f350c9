// Many callers, several lanes, requests of several images, a queue that is often full, callers that
// leave and a drain in the middle: every request is answered exactly once, every permit comes back.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "server/engine/lane_pool.h"
#include "server/pipeline/inference.h"
#include "tests/server/pipeline/inference_fixture.h"

namespace siskin::pipeline {
namespace {

using ::siskin::testing::kTinyClasses;

constexpr int kCallers = 3;
constexpr int kRequestsPerCaller = 150;
constexpr int kTotal = kCallers * kRequestsPerCaller;

struct Outcome {
  std::atomic<int> calls{0};
  absl::Notification answered;
  absl::StatusCode code = absl::StatusCode::kUnknown;  // read once answered
  size_t logits = 0;
};

class InferenceStressTest : public ::testing::Test {
 protected:
  void Call(int caller) {
    std::mt19937 random(caller);
    for (int i = 0; i < kRequestsPerCaller; ++i) {
      Outcome& outcome = outcomes_[caller * kRequestsPerCaller + i];
      auto cancel = std::make_shared<batching::CancelFlag>();
      InferenceRequest request;
      request.cancel = cancel;
      const unsigned fate = random() % 6;
      if (fate == 0) {
        request.input = ImagesInput{{GoodPhoto(), DamagedPhoto(), GoodPhoto()}};
      } else {
        request.input = payloads_[random() % payloads_.size()].view();
      }
      inference_.Start(request, [&outcome](absl::StatusOr<InferenceResult> result) {
        outcome.code = result.status().code();
        if (result.ok()) outcome.logits = result->outputs.size() / result->images;
        if (outcome.calls.fetch_add(1) == 0) outcome.answered.Notify();
      });
      if (fate == 1) cancel->Cancel();
      if (fate > 2) outcome.answered.WaitForNotification();  // else the next one comes at once
      if (++started_ == 3 * kTotal / 4) scheduler_.Drain();
    }
  }

  const std::vector<TensorPayload> payloads_ = {TensorPayload(1), TensorPayload(2),
                                                TensorPayload(5)};
  std::vector<Outcome> outcomes_ = std::vector<Outcome>(kTotal);
  std::atomic<int> started_{0};
  engine::ModelRegistry registry_;
  Admission admission_{{.max_requests = 8, .max_bytes = int64_t{1} << 20}};
  Inference inference_{registry_, admission_, ImageLimits{}, kMaxImages, nullptr};
  batching::Scheduler scheduler_;
};

TEST_F(InferenceStressTest, EveryRequestIsAnsweredExactlyOnce) {
  const auto model = siskin::testing::TinyModel(4);
  auto pool = engine::LanePool::Start({.lanes = 2, .cpus = {}}, scheduler_, nullptr).value();
  ASSERT_TRUE(pool->Prepare(model).ok());
  const batching::BatchLimits limits = {4, absl::Microseconds(200)};
  const auto queue = scheduler_.AddQueue({.limits = limits, .capacity = 12}, model.get()).value();
  ASSERT_TRUE(registry_.Declare("tiny", "1").ok());
  ASSERT_TRUE(registry_.Transition("tiny", "1", engine::ModelState::kWarming).ok());
  ASSERT_TRUE(registry_.Publish("tiny", "1", {model, queue}).ok());

  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) callers.emplace_back([this, i] { Call(i); });
  for (std::thread& caller : callers) caller.join();
  pool.reset();

  std::map<absl::StatusCode, int> codes;
  for (const Outcome& outcome : outcomes_) {
    EXPECT_EQ(outcome.calls, 1);
    ++codes[outcome.code];
    EXPECT_EQ(outcome.logits,
              outcome.code == absl::StatusCode::kOk ? static_cast<size_t>(kTinyClasses) : 0u);
  }
  EXPECT_GT(codes[absl::StatusCode::kOk], 0);
  EXPECT_GT(codes[absl::StatusCode::kUnavailable], 0);  // after the drain
  EXPECT_EQ(codes.count(absl::StatusCode::kInternal), 0u);
  EXPECT_EQ(admission_.requests(), 0);
  EXPECT_EQ(admission_.bytes(), 0);
}

}  // namespace
}  // namespace siskin::pipeline
