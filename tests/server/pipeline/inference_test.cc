#include "server/pipeline/inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/engine/lane_pool.h"
#include "server/pipeline/preprocess.h"
#include "tests/server/pipeline/inference_fixture.h"

namespace siskin::pipeline {

std::shared_ptr<const engine::LoadedModel> InferenceTest::model_;

namespace {

using ::siskin::testing::kTinyClasses;
using ::siskin::testing::kTinyPixels;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

// The network's answer to `planes`, without a server around it.
std::vector<float> Reference(const engine::LoadedModel& model, absl::Span<const float> planes) {
  const ops::Plan& single = *model.plans().back();
  ops::Arena arena(single.arena_bytes());
  auto workspace = single.MakeWorkspace(arena.bytes()).value();
  std::copy(planes.begin(), planes.end(), workspace->input().begin());
  EXPECT_TRUE(single.Run(*workspace).ok());
  return {workspace->output().begin(), workspace->output().end()};
}

std::vector<float> Filled(float value) { return std::vector<float>(kTinyClasses, value); }

// --- Refused before anything is queued.

TEST_F(InferenceTest, UnknownModelsAndVersionsAreRefused) {
  const TensorPayload payload(1);
  InferenceRequest request = Tensor(payload);
  request.model = "other";
  EXPECT_EQ(StartAndExpectAnswer(request).code(), absl::StatusCode::kNotFound);
  request.model = "tiny";
  request.version = "2";
  EXPECT_EQ(StartAndExpectAnswer(request).code(), absl::StatusCode::kNotFound);
}

TEST_F(InferenceTest, AModelThatIsNotReadyIsRefused) {
  ASSERT_TRUE(registry_.Transition("tiny", "1", engine::ModelState::kDraining).ok());
  const TensorPayload payload(1);
  EXPECT_EQ(StartAndExpectAnswer(Tensor(payload)).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(InferenceTest, AnotherTaskThanTheModelsIsRefused) {
  const TensorPayload payload(1);
  InferenceRequest request = Tensor(payload);
  request.kind = models::OutputKind::kFaceDetection;
  const Answer answer = StartAndExpectAnswer(request);
  EXPECT_EQ(answer.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(answer.message(), "model 'tiny' is a classifier, the request needs a face detector");
}

TEST_F(InferenceTest, FeaturesOfAModelWithoutAPoolAreRefused) {
  const auto faces = siskin::testing::TinyFaceDetector("faces");
  const auto queue = scheduler_.AddQueue({}, faces.get()).value();
  ASSERT_TRUE(registry_.Declare("faces", "1").ok());
  ASSERT_TRUE(registry_.Transition("faces", "1", engine::ModelState::kWarming).ok());
  ASSERT_TRUE(registry_.Publish("faces", "1", {faces, queue}).ok());
  const TensorPayload payload(1);
  InferenceRequest request = Tensor(payload);
  request.model = "faces";
  request.selector = engine::OutputSelector::kFeatures;
  const Answer answer = StartAndExpectAnswer(request);
  EXPECT_EQ(answer.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(answer.message(), "model 'faces' has no pooled features to return");
}

TEST_F(InferenceTest, BadInputIsRefused) {
  const uint8_t text[] = {'h', 'e', 'l', 'l', 'o'};
  TensorView wrong;
  wrong.shape = {1, 3, 31, 32};
  InferenceRequest wrong_tensor;
  wrong_tensor.input = wrong;
  const TensorPayload too_many(kMaxImages + 1);
  for (const InferenceRequest& request :
       {Photos({}), Photos({{}}), Photos({text}),
        Photos(std::vector<absl::Span<const uint8_t>>(kMaxImages + 1, GoodPhoto())), wrong_tensor,
        Tensor(too_many)}) {
    EXPECT_EQ(StartAndExpectAnswer(request).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(StartAndExpectAnswer(Photos({GoodPhoto(), text})).message(),
              HasSubstr("image 2 of 2: "));
}

TEST_F(InferenceTest, AnOverlargePhotoIsRefusedUnread) {
  Inference strict(registry_, admission_, {.max_bytes = 1000, .max_pixels = 0}, kMaxImages, nullptr,
                   clock_);
  absl::StatusCode code = absl::StatusCode::kOk;
  strict.Start(Photos({GoodPhoto()}),
               [&](absl::StatusOr<InferenceResult> result) { code = result.status().code(); });
  EXPECT_EQ(code, absl::StatusCode::kInvalidArgument);
}

TEST_F(InferenceTest, MoreImagesThanAQueueEverHoldsAreRefused) {
  scheduler_.RemoveQueue(*queue_);
  queue_ = scheduler_.AddQueue({.limits = {}, .capacity = 2}, model_.get()).value();
  ASSERT_TRUE(registry_.Declare("small", "1").ok());
  ASSERT_TRUE(registry_.Transition("small", "1", engine::ModelState::kWarming).ok());
  ASSERT_TRUE(registry_.Publish("small", "1", {model_, queue_}).ok());
  const TensorPayload payload(3);
  InferenceRequest request = Tensor(payload);
  request.model = "small";
  EXPECT_EQ(StartAndExpectAnswer(request).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(InferenceTest, AdmissionIsAsked) {
  const TensorPayload payload(1);
  InferenceRequest late = Tensor(payload);
  late.deadline = clock_.Now();
  EXPECT_EQ(StartAndExpectAnswer(late).code(), absl::StatusCode::kDeadlineExceeded);
  admission_.Close();
  EXPECT_EQ(StartAndExpectAnswer(Tensor(payload)).code(), absl::StatusCode::kUnavailable);
}

// --- Queued.

TEST_F(InferenceTest, ATensorIsOneTaskPerImage) {
  const TensorPayload payload(2);
  InferenceRequest request = Tensor(payload);
  request.kind = models::OutputKind::kClassification;
  Answer answer;
  Start(request, answer);
  EXPECT_EQ(queue_->size(), 2);
  EXPECT_EQ(admission_.requests(), 1);
  EXPECT_EQ(admission_.bytes(), static_cast<int64_t>(payload.view().bytes.size()));

  auto tasks = Take();
  ASSERT_EQ(tasks.size(), 2u);
  std::vector<float> planes(3 * kTinyPixels);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(tasks[i]->Prepare(absl::MakeSpan(planes)).ok());
    EXPECT_THAT(planes, ElementsAreArray(payload.image(i)));
  }
  // Ended in another order than queued.
  tasks[1]->Complete(Filled(2), {.queue = absl::Milliseconds(5),
                                 .prepare = absl::Milliseconds(1),
                                 .compute = absl::Milliseconds(7),
                                 .batch_size = 4});
  EXPECT_EQ(answer.calls, 0);
  tasks[0]->Complete(Filled(1), {.queue = absl::Milliseconds(6),
                                 .prepare = absl::Milliseconds(2),
                                 .compute = absl::Milliseconds(3),
                                 .batch_size = 1});
  ASSERT_EQ(answer.calls, 1);
  ASSERT_TRUE(answer.result->ok());
  const InferenceResult& result = **answer.result;
  EXPECT_EQ(result.images, 2);
  EXPECT_EQ(result.servable->model, model_);
  std::vector<float> expected = Filled(1);
  expected.insert(expected.end(), kTinyClasses, 2.0f);
  EXPECT_EQ(result.outputs, expected);
  EXPECT_EQ(result.timing.queue, absl::Milliseconds(6));
  EXPECT_EQ(result.timing.prepare, absl::Milliseconds(3));
  EXPECT_EQ(result.timing.compute, absl::Milliseconds(7));
  EXPECT_EQ(result.timing.batch_size, 4);
  EXPECT_EQ(answer.in_flight, 0);  // the permit was given back before
}

TEST_F(InferenceTest, APhotoIsDecodedByTheLane) {
  Answer answer;
  Start(Photos({GoodPhoto()}), answer);
  auto tasks = Take();
  ASSERT_EQ(tasks.size(), 1u);
  std::vector<float> planes(3 * kTinyPixels), expected(3 * kTinyPixels);
  ASSERT_TRUE(tasks[0]->Prepare(absl::MakeSpan(planes)).ok());
  RgbImage photo;
  ASSERT_TRUE(DecodeImage(GoodPhoto(), ImageLimits{}, photo).ok());
  ASSERT_TRUE(Preprocessor().Run(photo, model_->input(), absl::MakeSpan(expected)).ok());
  EXPECT_EQ(planes, expected);
  tasks[0]->Complete(Filled(1), {});
  ASSERT_EQ(answer.calls, 1);
  EXPECT_THAT((*answer.result)->sizes, ElementsAre(ImageSize{1, 1}));
}

TEST_F(InferenceTest, ADamagedPhotoFailsTheRequestAndSparesTheRest) {
  Answer answer;
  Start(Photos({DamagedPhoto(), GoodPhoto(), GoodPhoto()}), answer);
  auto tasks = Take();
  ASSERT_EQ(tasks.size(), 3u);
  std::vector<float> planes(3 * kTinyPixels);
  const absl::Status damage = tasks[0]->Prepare(absl::MakeSpan(planes));
  EXPECT_EQ(damage.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(tasks[1]->cancelled());
  tasks[0]->Fail(damage);
  EXPECT_TRUE(tasks[1]->cancelled());
  tasks[1]->Fail(absl::CancelledError("not needed"));
  tasks[2]->Complete(Filled(1), {});
  ASSERT_EQ(answer.calls, 1);
  EXPECT_EQ(answer.code(), absl::StatusCode::kInvalidArgument);  // the first error, not the last
  EXPECT_THAT(answer.message(), HasSubstr("image 1 of 3: "));
}

TEST_F(InferenceTest, ARequestIsQueuedWholeOrNotAtAll) {
  const TensorPayload five(5);
  Answer first, second;
  Start(Tensor(five), first);
  Start(Tensor(five), second);  // there is place for three of its images
  ASSERT_EQ(second.calls, 1);
  EXPECT_EQ(second.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(queue_->size(), 5);
  for (auto& task : Take()) task->Complete(Filled(1), {});
  ASSERT_EQ(first.calls, 1);
  EXPECT_TRUE(first.result->ok());
  EXPECT_EQ(admission_.requests(), 0);
}

TEST_F(InferenceTest, AFullQueueRefusesAtOnce) {
  const TensorPayload payload(4);
  Answer first, second, third;
  Start(Tensor(payload), first);
  Start(Tensor(payload), second);
  Start(Tensor(payload), third);
  ASSERT_EQ(third.calls, 1);
  EXPECT_EQ(third.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(first.calls + second.calls, 0);
  scheduler_.RemoveQueue(*queue_);
  EXPECT_EQ(first.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(second.code(), absl::StatusCode::kUnavailable);
}

TEST_F(InferenceTest, ACallerThatLeftIsNotComputedFor) {
  const TensorPayload payload(2);
  auto cancel = std::make_shared<batching::CancelFlag>();
  InferenceRequest request = Tensor(payload);
  request.cancel = cancel;
  Answer answer;
  Start(request, answer);
  cancel->Cancel();
  Reap();
  ASSERT_EQ(answer.calls, 1);
  EXPECT_EQ(answer.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(admission_.requests(), 0);
}

TEST_F(InferenceTest, ADeadlineMayPassInTheQueue) {
  const TensorPayload payload(1);
  InferenceRequest request = Tensor(payload);
  request.deadline = clock_.Now() + absl::Milliseconds(3);
  Answer answer;
  Start(request, answer);
  clock_.Advance(absl::Milliseconds(3));
  Reap();
  ASSERT_EQ(answer.calls, 1);
  EXPECT_EQ(answer.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(answer.message(), HasSubstr("nothing was computed"));
}

TEST_F(InferenceTest, ATimeoutIsADeadlineWhereTheQueueHasNone) {
  const TensorPayload payload(1);
  InferenceRequest request = Tensor(payload);
  request.timeout = absl::Milliseconds(5);
  request.priority = 7;
  Answer answer;
  Start(request, answer);
  clock_.Advance(absl::Milliseconds(6));
  Reap();
  EXPECT_EQ(answer.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(InferenceTest, PriorityAndTimeoutAreForAQueueThatHasThem) {
  scheduler_.RemoveQueue(*queue_);
  batching::LevelPolicy level = {.default_timeout = absl::Milliseconds(9),
                                 .allow_timeout_override = true,
                                 .max_queue_size = 2};
  queue_ = scheduler_
               .AddQueue({.limits = {.max_delay = absl::ZeroDuration()},
                          .capacity = kCapacity,
                          .priorities = batching::Priorities{.levels = {{}, level}}},
                         model_.get())
               .value();
  ASSERT_TRUE(registry_.Declare("levels", "1").ok());
  ASSERT_TRUE(registry_.Transition("levels", "1", engine::ModelState::kWarming).ok());
  ASSERT_TRUE(registry_.Publish("levels", "1", {model_, queue_}).ok());
  const TensorPayload payload(1);
  InferenceRequest request = Tensor(payload);
  request.model = "levels";
  request.priority = 2;
  request.timeout = absl::Milliseconds(5);
  Answer answer, full, higher;
  const TensorPayload two(2);
  Start(request, answer);
  request.input = two.view();
  Start(request, full);
  EXPECT_EQ(full.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(full.message(), "Exceeds maximum queue size");
  request.priority = 1;
  Start(request, higher);
  EXPECT_EQ(higher.calls, 0);
  clock_.Advance(absl::Milliseconds(6));
  const auto tasks = Take();
  EXPECT_EQ(tasks.size(), 2u);  // of the higher level
  for (const auto& task : tasks) task->Fail(absl::InternalError("done"));
  EXPECT_EQ(answer.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(answer.message(), "Request timeout expired");

  const TensorPayload three(3);
  request.priority = 2;
  request.input = three.view();
  EXPECT_EQ(StartAndExpectAnswer(request).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(InferenceTest, LanesAnswerLikeTheNetwork) {
  auto pool = engine::LanePool::Start({}, scheduler_, nullptr).value();
  ASSERT_TRUE(pool->Prepare(model_).ok());
  const TensorPayload payload(3);
  Answer answer;
  Start(Tensor(payload), answer);
  scheduler_.Drain();
  pool.reset();  // once everything is answered
  ASSERT_EQ(answer.calls, 1);
  ASSERT_TRUE(answer.result->ok()) << answer.result->status();
  const absl::Span<const float> logits = (*answer.result)->outputs;
  ASSERT_EQ(logits.size(), 3u * kTinyClasses);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(logits.subspan(i * kTinyClasses, kTinyClasses),
                Pointwise(FloatNear(1e-4f), Reference(*model_, payload.image(i))));
  }
}

}  // namespace
}  // namespace siskin::pipeline
