#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "server/metrics/metrics.h"
#include "tests/server/metrics/exposition.h"
#include "tests/server/metrics/small_model.h"

namespace siskin::metrics {
namespace {

using engine::ModelState;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

constexpr const char* kNames[] = {"request_success",
                                  "request_failure",
                                  "count",
                                  "exec_count",
                                  "request_duration_us",
                                  "queue_duration_us",
                                  "compute_input_duration_us",
                                  "compute_infer_duration_us",
                                  "compute_output_duration_us",
                                  "pending_request_count"};

class TritonAliasesTest : public ::testing::Test {
 protected:
  void SetUp() override { metrics_->OnModelState({"net", "1", ModelState::kReady, {}}); }
  std::optional<double> Value(const std::string& name) const {
    return siskin::testing::Sample(
        metrics_->Scrape(), absl::StrCat("nv_inference_", name, R"({model="net",version="1"})"));
  }

  const std::unique_ptr<Metrics> metrics_ = Metrics::Create({.triton_aliases = true});
};

TEST_F(TritonAliasesTest, ExistAtZeroUntilTheVersionIsUnloaded) {
  for (const char* name : kNames) EXPECT_THAT(Value(name), Optional(0)) << name;
  metrics_->OnModelState({"net", "1", ModelState::kUnloaded, {}});
  for (const char* name : kNames) EXPECT_EQ(Value(name), std::nullopt) << name;
}

TEST_F(TritonAliasesTest, AreOffUnlessAskedFor) {
  const auto metrics = Metrics::Create({});
  metrics->OnModelState({"net", "1", ModelState::kReady, {}});
  EXPECT_THAT(metrics->Scrape(), Not(HasSubstr("nv_inference")));
}

TEST_F(TritonAliasesTest, CountInferencesAndSumTheDurationsOfSuccesses) {
  metrics_->OnRequest("net", "1", "Classify", absl::StatusCode::kOk, absl::Milliseconds(7));
  metrics_->OnRequest("net", "1", "ModelInfer", absl::StatusCode::kOk, absl::Milliseconds(2));
  metrics_->OnRequest("net", "1", "Detect", absl::StatusCode::kInternal, absl::Seconds(5));
  metrics_->OnRequest("net", "1", "ModelReady", absl::StatusCode::kOk, absl::Seconds(5));
  metrics_->OnRequest("net", "9", "Classify", absl::StatusCode::kNotFound, absl::Seconds(5));
  EXPECT_THAT(Value("request_success"), Optional(2));
  EXPECT_THAT(Value("request_failure"), Optional(1));
  EXPECT_THAT(Value("request_duration_us"), Optional(9000));
}

TEST_F(TritonAliasesTest, SumTheStages) {
  const engine::TaskTiming timing = {.queue = absl::Milliseconds(2),
                                     .prepare = absl::Milliseconds(3),
                                     .compute = absl::Milliseconds(5),
                                     .batch_size = 8};
  for (int i = 0; i < 2; ++i) metrics_->OnStages("net", "1", timing, absl::Microseconds(11));
  metrics_->OnStages("net", "9", timing, absl::Microseconds(11));
  EXPECT_THAT(Value("queue_duration_us"), Optional(4000));
  EXPECT_THAT(Value("compute_input_duration_us"), Optional(6000));
  EXPECT_THAT(Value("compute_infer_duration_us"), Optional(10000));
  EXPECT_THAT(Value("compute_output_duration_us"), Optional(22));
}

TEST_F(TritonAliasesTest, CountImagesAndBatches) {
  const auto model = siskin::testing::SmallModel("net");
  ASSERT_NE(model, nullptr);
  metrics_->OnBatch(*model, 5, batching::CloseReason::kFull, absl::Milliseconds(1));
  metrics_->OnBatch(*model, 2, batching::CloseReason::kDelay, absl::Milliseconds(1));
  EXPECT_THAT(Value("count"), Optional(7));
  EXPECT_THAT(Value("exec_count"), Optional(2));
}

}  // namespace
}  // namespace siskin::metrics
