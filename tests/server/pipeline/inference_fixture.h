// An Inference on a tiny model, with the lanes played by the test: what is queued is taken by hand.
#ifndef SISKIN_TESTS_SERVER_PIPELINE_INFERENCE_FIXTURE_H_
#define SISKIN_TESTS_SERVER_PIPELINE_INFERENCE_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "server/pipeline/inference.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/one_pixel_png.h"
#include "tests/fakes/tiny_model.h"

namespace siskin::pipeline {

inline constexpr int kMaxImages = 5;

inline absl::Span<const uint8_t> GoodPhoto() { return siskin::testing::kOnePixelPng; }
// The header is whole, so that it passes until it is decoded.
inline absl::Span<const uint8_t> DamagedPhoto() {
  return absl::MakeConstSpan(siskin::testing::kOnePixelPng).first(45);
}

// Values of `images` pictures, all different, as a client sends them. Outlives its
// views.
class TensorPayload {
 public:
  explicit TensorPayload(int images)
      : images_(images), values_(size_t{3} * siskin::testing::kTinyPixels * images) {
    for (size_t i = 0; i < values_.size(); ++i) values_[i] = static_cast<float>(i % 997) / 200 - 2;
  }
  TensorView view() const {
    TensorView view;
    view.shape = {images_, 3, siskin::testing::kTinySide, siskin::testing::kTinySide};
    view.bytes = {reinterpret_cast<const uint8_t*>(values_.data()), values_.size() * sizeof(float)};
    return view;
  }
  absl::Span<const float> image(int index) const {
    constexpr size_t kSize = size_t{3} * siskin::testing::kTinyPixels;
    return absl::MakeConstSpan(values_).subspan(index * kSize, kSize);
  }

 private:
  int images_;
  std::vector<float> values_;
};

// How a request ended.
struct Answer {
  int calls = 0;
  std::optional<absl::StatusOr<InferenceResult>> result;
  int64_t in_flight = -1;  // when it was answered

  absl::StatusCode code() const { return result->status().code(); }
  std::string message() const { return std::string(result->status().message()); }
};

class InferenceTest : public ::testing::Test {
 protected:
  static constexpr int kCapacity = 8;

  static void SetUpTestSuite() { model_ = siskin::testing::TinyModel(/*max_batch_size=*/1); }
  static void TearDownTestSuite() { model_.reset(); }

  void SetUp() override {
    queue_ = scheduler_.AddQueue({.limits = {}, .capacity = kCapacity}, model_.get()).value();
    ASSERT_TRUE(registry_.Declare("tiny", "1").ok());
    ASSERT_TRUE(registry_.Transition("tiny", "1", engine::ModelState::kWarming).ok());
    ASSERT_TRUE(registry_.Publish("tiny", "1", {model_, queue_}).ok());
  }

  static InferenceRequest Tensor(const TensorPayload& payload) {
    InferenceRequest request;
    request.input = payload.view();
    return request;
  }
  static InferenceRequest Photos(std::vector<absl::Span<const uint8_t>> files) {
    InferenceRequest request;
    request.input = ImagesInput{std::move(files)};
    return request;
  }

  void Start(const InferenceRequest& request, Answer& answer) {
    inference_.Start(request, [this, &answer](absl::StatusOr<InferenceResult> result) {
      ++answer.calls;
      answer.result = std::move(result);
      answer.in_flight = admission_.requests();
    });
  }
  Answer StartAndExpectAnswer(const InferenceRequest& request) {
    Answer answer;
    Start(request, answer);
    EXPECT_EQ(answer.calls, 1);
    EXPECT_EQ(queue_->size(), 0);
    EXPECT_EQ(answer.in_flight, 0);
    return answer;
  }

  // What a lane does first: takes up to `limits.max_batch_size` tasks, failing the dead.
  std::vector<std::unique_ptr<engine::InferenceTask>> Take() {
    batching::Batch batch;
    EXPECT_TRUE(scheduler_.WaitForBatch(batch));
    std::vector<std::unique_ptr<engine::InferenceTask>> tasks;
    for (auto& task : batch.tasks) {
      tasks.emplace_back(static_cast<engine::InferenceTask*>(task.release()));
    }
    return tasks;
  }
  // Fails what is dead in a queue of the dead.
  void Reap() {
    scheduler_.Drain();
    batching::Batch batch;
    EXPECT_FALSE(scheduler_.WaitForBatch(batch));
  }

  static std::shared_ptr<const engine::LoadedModel> model_;

  siskin::testing::ManualClock clock_;
  engine::ModelRegistry registry_;
  Admission admission_{{.max_requests = 4, .max_bytes = int64_t{1} << 20}};
  Inference inference_{registry_, admission_, ImageLimits{}, kMaxImages, nullptr, clock_};
  batching::Scheduler scheduler_{clock_};
  std::shared_ptr<batching::BatchQueue> queue_;
};

}  // namespace siskin::pipeline

#endif  // SISKIN_TESTS_SERVER_PIPELINE_INFERENCE_FIXTURE_H_
