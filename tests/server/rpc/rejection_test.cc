// Every reason for which a request is refused or given up, from where it is decided to the
// exposition: the real pipeline, queue, lane and metrics; only the clock and the RPC are not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "server/engine/lane.h"
#include "server/metrics/metrics.h"
#include "server/rpc/call.h"
#include "tests/server/metrics/exposition.h"
#include "tests/server/pipeline/inference_fixture.h"

namespace siskin::pipeline {

std::shared_ptr<const engine::LoadedModel> InferenceTest::model_;

}  // namespace siskin::pipeline

namespace siskin::rpc {
namespace {

using pipeline::InferenceRequest;
using pipeline::TensorPayload;

class RejectionTest : public pipeline::InferenceTest {
 protected:
  void SetUp() override {
    registry_.AddListener(
        [this](const engine::VersionStatus& status) { metrics_->OnModelState(status); });
    InferenceTest::SetUp();
  }

  // Starts a request, counting it as an RPC would when it is answered.
  void Ask(const InferenceRequest& request) {
    auto record = std::make_shared<RequestRecord>("Classify", request.model);
    Infer(
        backend_, request, [](const pipeline::InferenceResult&) {},
        [this, record](const absl::Status& status,
                       std::shared_ptr<const engine::Servable> servable) {
          record->SetOutcome(status, std::move(servable));
          record->Report(status.code(), *metrics_);
        });
  }

  // Plays a lane, on this thread: serves what is queued, to the end. A LanePool would have to know
  // the model before the first task is queued, and would serve it at once.
  void RunLane() {
    engine::Lane lane(/*index=*/0, scheduler_, metrics_.get());
    lane.Add(engine::LaneModel::Make(model_).value());
    scheduler_.Drain();
    lane.Run();
  }

  double Count(std::string_view name, std::string_view model, Rejection reason) const {
    const std::string series = absl::StrCat(std::string(name), "{model=\"", std::string(model),
                                            "\",reason=\"", ToString(reason), "\"}");
    return siskin::testing::Sample(metrics_->Scrape(), series).value_or(-1);
  }
  double Rejected(std::string_view model, Rejection reason) const {
    return Count("siskin_rejected_total", model, reason);
  }
  double Skipped(Rejection reason) const {
    return Count("siskin_saved_images_total", "tiny", reason);
  }
  // That this is what happened, once, and nothing else.
  void ExpectOnly(Rejection reason, std::string_view model = "tiny") const {
    for (const Rejection other : kAllRejections) {
      for (const std::string_view name : {"tiny", ""}) {
        const bool expected = other == reason && name == model;
        EXPECT_EQ(Rejected(name, other), expected ? 1 : 0) << name << " " << ToString(other);
      }
    }
  }

  const std::unique_ptr<metrics::Metrics> metrics_ = metrics::Metrics::Create({});
  pipeline::Inference observed_{
      registry_, admission_, pipeline::ImageLimits{}, pipeline::kMaxImages, metrics_.get(), clock_};
  const Backend backend_ = {observed_, admission_, registry_, *metrics_};
};

TEST_F(RejectionTest, NotReadyIsCountedUnderAModelThatIsKnown) {
  ASSERT_TRUE(registry_.Transition("tiny", "1", engine::ModelState::kDraining).ok());
  const TensorPayload payload(1);
  InferenceRequest request = Tensor(payload);
  request.model = "tiny";
  Ask(request);
  ExpectOnly(Rejection::kNotReady);
}

TEST_F(RejectionTest, AnUnknownModelIsCountedUnderNone) {
  const TensorPayload payload(1);
  InferenceRequest request = Tensor(payload);
  request.model = "nobody";
  Ask(request);
  ExpectOnly(Rejection::kNotReady, "");
}

TEST_F(RejectionTest, InvalidArgumentAtTheDoor) {
  const TensorPayload payload(1);
  InferenceRequest request = Tensor(payload);
  std::get<pipeline::TensorView>(request.input).bytes.remove_suffix(1);
  Ask(request);
  ExpectOnly(Rejection::kInvalidArgument);
}

TEST_F(RejectionTest, InvalidArgumentInTheLane) {
  Ask(Photos({pipeline::DamagedPhoto()}));
  RunLane();
  ExpectOnly(Rejection::kInvalidArgument);
  EXPECT_EQ(Skipped(Rejection::kCancelled), 0);
}

TEST_F(RejectionTest, Overload) {
  const TensorPayload payload(1);
  for (int i = 0; i < admission_.limits().max_requests; ++i) Ask(Tensor(payload));
  Ask(Tensor(payload));
  ExpectOnly(Rejection::kOverload);
  RunLane();
}

TEST_F(RejectionTest, PayloadBytes) {
  const auto permit = admission_.Admit(admission_.limits().max_bytes,
                                       MonotonicTime::InfiniteFuture(), clock_.Now());
  ASSERT_TRUE(permit.ok());
  const TensorPayload payload(1);
  Ask(Tensor(payload));
  ExpectOnly(Rejection::kPayloadBytes);
}

TEST_F(RejectionTest, QueueFull) {
  const TensorPayload payload(4);
  for (int i = 0; i < kCapacity / 4; ++i) Ask(Tensor(payload));
  Ask(Tensor(payload));
  ExpectOnly(Rejection::kQueueFull);
  RunLane();
}

TEST_F(RejectionTest, DrainingServer) {
  admission_.Close();
  const TensorPayload payload(1);
  Ask(Tensor(payload));
  ExpectOnly(Rejection::kDraining);
}

TEST_F(RejectionTest, DrainingQueue) {
  scheduler_.Drain();
  const TensorPayload payload(1);
  Ask(Tensor(payload));
  ExpectOnly(Rejection::kDraining);
}

TEST_F(RejectionTest, UnloadedModel) {
  const TensorPayload payload(1);
  Ask(Tensor(payload));
  scheduler_.RemoveQueue(*queue_);
  ExpectOnly(Rejection::kDraining);
}

TEST_F(RejectionTest, DeadlineThatHadPassed) {
  const TensorPayload payload(1);
  InferenceRequest request = Tensor(payload);
  request.deadline = clock_.Now();
  Ask(request);
  ExpectOnly(Rejection::kDeadline);
  EXPECT_EQ(Skipped(Rejection::kDeadline), 0);  // it was never queued
}

TEST_F(RejectionTest, DeadlineInTheQueueSavesEveryImage) {
  const TensorPayload payload(3);
  InferenceRequest request = Tensor(payload);
  request.deadline = clock_.Now() + absl::Milliseconds(3);
  Ask(request);
  clock_.Advance(absl::Milliseconds(3));
  RunLane();
  ExpectOnly(Rejection::kDeadline);
  EXPECT_EQ(Skipped(Rejection::kDeadline), 3);
  EXPECT_EQ(Skipped(Rejection::kCancelled), 0);
}

TEST_F(RejectionTest, CallerThatLeftSavesEveryImage) {
  const TensorPayload payload(2);
  auto cancel = std::make_shared<batching::CancelFlag>();
  InferenceRequest request = Tensor(payload);
  request.cancel = cancel;
  Ask(request);
  cancel->Cancel();
  RunLane();
  ExpectOnly(Rejection::kCancelled);
  EXPECT_EQ(Skipped(Rejection::kCancelled), 2);
  EXPECT_EQ(Skipped(Rejection::kDeadline), 0);
}

TEST_F(RejectionTest, ADeadlineThatPassedIsTheReasonEvenIfTheCallIsCancelledThen) {
  const TensorPayload payload(1);
  auto cancel = std::make_shared<batching::CancelFlag>();
  InferenceRequest request = Tensor(payload);
  request.cancel = cancel;
  request.deadline = clock_.Now() + absl::Milliseconds(3);
  Ask(request);
  clock_.Advance(absl::Milliseconds(3));
  cancel->Cancel();
  RunLane();
  ExpectOnly(Rejection::kDeadline);
}

TEST_F(RejectionTest, AnAnswerIsNone) {
  const TensorPayload payload(1);
  Ask(Tensor(payload));
  RunLane();
  for (const Rejection reason : kAllRejections) EXPECT_EQ(Rejected("tiny", reason), 0);
  EXPECT_EQ(siskin::testing::Sample(metrics_->Scrape(),
                                    "siskin_requests_total{code=\"OK\",method=\"Classify\","
                                    "model=\"tiny\",version=\"1\"}"),
            1);
}

}  // namespace
}  // namespace siskin::rpc
