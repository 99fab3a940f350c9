// Counting is on the hot path: once a series exists, it must not allocate.
#include <gtest/gtest.h>

#include <string>

#include "server/metrics/metrics.h"
#include "tests/fakes/allocations.h"
#include "tests/server/metrics/small_model.h"

namespace siskin::metrics {
namespace {

using ::siskin::testing::AllocationsOfThisThread;

TEST(MetricsAllocationTest, TheCounterCounts) {
  const int before = AllocationsOfThisThread();
  delete new std::string(1000, 'x');
  EXPECT_GE(AllocationsOfThisThread(), before + 1);
}

TEST(MetricsAllocationTest, CountingAllocatesNothingOnceASeriesExists) {
  const std::string name = "a_model_with_quite_a_long_name_0.25_128";
  const auto model = siskin::testing::SmallModel(name);
  ASSERT_NE(model, nullptr);
  const auto metrics = Metrics::Create({.triton_aliases = true});
  metrics->OnLanes(1);
  metrics->OnModelState({name, "1", engine::ModelState::kReady, absl::OkStatus()});
  const auto count = [&](absl::StatusCode code) {
    metrics->OnRequest(name, "1", "ClassifyStream", code, absl::Milliseconds(7));
    metrics->OnRequest("no_model_of_this_name_although_it_is_long", "1", "ClassifyStream", code,
                       absl::Milliseconds(7));
    metrics->OnRejected(name, Rejection::kQueueFull);
    metrics->OnStages(name, "1", {}, absl::Milliseconds(7));
    metrics->OnMessage(Direction::kSent, 1234);
    metrics->OnBatch(*model, 4, batching::CloseReason::kFull, absl::Milliseconds(7));
    metrics->OnLaneBusy(0, absl::Milliseconds(7));
    metrics->OnSkipped(*model, Rejection::kCancelled);
  };
  count(absl::StatusCode::kOk);
  count(absl::StatusCode::kDeadlineExceeded);

  const int before = AllocationsOfThisThread();
  for (int i = 0; i < 1000; ++i) {
    count(absl::StatusCode::kOk);
    count(absl::StatusCode::kDeadlineExceeded);
  }
  EXPECT_EQ(AllocationsOfThisThread(), before);
}

}  // namespace
}  // namespace siskin::metrics
