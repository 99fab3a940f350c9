#include "server/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/metrics/exposition.h"
#include "tests/server/metrics/small_model.h"

namespace siskin::metrics {
namespace {

using absl::StatusCode;
using batching::CloseReason;
using engine::ModelState;
using ::siskin::testing::Sample;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

constexpr absl::Duration kTenMilliseconds = absl::Milliseconds(10);

class MetricsTest : public ::testing::Test {
 protected:
  void SetState(const std::string& model, const std::string& version, ModelState state) {
    metrics_->OnModelState({model, version, state, absl::OkStatus()});
  }
  std::optional<double> Value(const std::string& series) const {
    return Sample(metrics_->Scrape(), series);
  }

  const std::unique_ptr<Metrics> metrics_ =
      Metrics::Create({.version = "1.2.3", .onednn = "2.6.3", .isa = "avx2"});
};

TEST_F(MetricsTest, SaysWhatWasBuilt) {
  EXPECT_THAT(Value(R"(siskin_build_info{isa="avx2",onednn="2.6.3",version="1.2.3"})"),
              Optional(1));
}

TEST_F(MetricsTest, AModelsSeriesExistAtZeroBeforeItsFirstRequest) {
  SetState("net", "1", ModelState::kReady);
  for (const char* series :
       {R"(siskin_requests_total{code="OK",method="Classify",model="net",version="1"})",
        R"(siskin_requests_total{code="OK",method="ClassifyStream",model="net",version="1"})",
        R"(siskin_requests_total{code="OK",method="Detect",model="net",version="1"})",
        R"(siskin_requests_total{code="OK",method="Embed",model="net",version="1"})",
        R"(siskin_requests_total{code="OK",method="ModelInfer",model="net",version="1"})",
        R"(siskin_request_duration_seconds_count{code="OK",model="net"})",
        R"(siskin_queue_duration_seconds_count{model="net"})",
        R"(siskin_decode_duration_seconds_count{model="net"})",
        R"(siskin_compute_duration_seconds_count{model="net"})",
        R"(siskin_batch_size_count{model="net"})",
        R"(siskin_batches_total{model="net",reason="full"})",
        R"(siskin_batches_total{model="net",reason="delay"})",
        R"(siskin_batches_total{model="net",reason="deadline"})",
        R"(siskin_batches_total{model="net",reason="draining"})",
        R"(siskin_lane_compute_seconds_total{model="net"})",
        R"(siskin_saved_images_total{model="net",reason="deadline"})",
        R"(siskin_saved_images_total{model="net",reason="cancelled"})"}) {
    EXPECT_THAT(Value(series), Optional(0)) << series;
  }
}

TEST_F(MetricsTest, RejectionsAreCountedByModelAndReason) {
  const auto value = [&](const char* model, Rejection reason) {
    return Value(absl::StrCat("siskin_rejected_total{model=\"", model, "\",reason=\"",
                              ToString(reason), "\"}"));
  };
  SetState("net", "1", ModelState::kReady);
  for (const Rejection reason : kAllRejections) {
    EXPECT_THAT(value("net", reason), Optional(0)) << ToString(reason);
    EXPECT_THAT(value("", reason), Optional(0)) << ToString(reason);
    metrics_->OnRejected("net", reason);
    EXPECT_THAT(value("net", reason), Optional(1)) << ToString(reason);
    EXPECT_THAT(value("", reason), Optional(0)) << ToString(reason);
    metrics_->OnRejected("nat", reason);
    EXPECT_THAT(value("", reason), Optional(1)) << ToString(reason);
  }
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr("nat")));
}

TEST_F(MetricsTest, LanesAreThereFromTheStart) {
  metrics_->OnLanes(2);
  EXPECT_THAT(Value("siskin_lanes"), Optional(2));
  EXPECT_THAT(Value(R"(siskin_lane_busy_seconds_total{lane="1"})"), Optional(0));
  metrics_->OnLaneBusy(1, absl::Milliseconds(250));
  metrics_->OnLaneBusy(1, absl::Milliseconds(250));
  EXPECT_THAT(Value(R"(siskin_lane_busy_seconds_total{lane="0"})"), Optional(0));
  EXPECT_THAT(Value(R"(siskin_lane_busy_seconds_total{lane="1"})"), Optional(0.5));
}

TEST_F(MetricsTest, CountsTheBytesOfMessages) {
  EXPECT_THAT(Value(R"(siskin_grpc_bytes_total{direction="sent"})"), Optional(0));
  metrics_->OnMessage(Direction::kReceived, 1000);
  metrics_->OnMessage(Direction::kReceived, 11);
  metrics_->OnMessage(Direction::kSent, 7);
  EXPECT_THAT(Value(R"(siskin_grpc_bytes_total{direction="received"})"), Optional(1011));
  EXPECT_THAT(Value(R"(siskin_grpc_bytes_total{direction="sent"})"), Optional(7));
}

TEST_F(MetricsTest, ReadinessIsTimedOnceThereIsOne) {
  EXPECT_EQ(Value("siskin_time_to_ready_seconds"), std::nullopt);
  metrics_->OnReady();
  const double start = Value("process_start_time_seconds").value();
  const double ready = Value("siskin_time_to_ready_seconds").value();
  EXPECT_GT(ready, 0);
  EXPECT_LT(start + ready, static_cast<double>(time(nullptr)) + 2);
}

TEST_F(MetricsTest, CountsRequestsByModelVersionMethodAndCode) {
  SetState("net", "1", ModelState::kReady);
  SetState("net", "2", ModelState::kReady);
  metrics_->OnRequest("net", "1", "Classify", StatusCode::kOk, kTenMilliseconds);
  metrics_->OnRequest("net", "1", "Classify", StatusCode::kOk, kTenMilliseconds);
  metrics_->OnRequest("net", "2", "ModelInfer", StatusCode::kInvalidArgument, kTenMilliseconds);
  EXPECT_THAT(
      Value(R"(siskin_requests_total{code="OK",method="Classify",model="net",version="1"})"),
      Optional(2));
  EXPECT_THAT(
      Value(R"(siskin_requests_total{code="OK",method="Classify",model="net",version="2"})"),
      Optional(0));
  EXPECT_THAT(Value("siskin_requests_total{code=\"INVALID_ARGUMENT\",method=\"ModelInfer\","
                    "model=\"net\",version=\"2\"}"),
              Optional(1));
  EXPECT_THAT(Value(R"(siskin_request_duration_seconds_count{code="OK",model="net"})"),
              Optional(2));
  EXPECT_THAT(Value(R"(siskin_request_duration_seconds_sum{code="OK",model="net"})"),
              Optional(0.02));
  EXPECT_THAT(
      Value(R"(siskin_request_duration_seconds_count{code="INVALID_ARGUMENT",model="net"})"),
      Optional(1));
}

TEST_F(MetricsTest, EveryStatusCodeHasItsName) {
  for (int code = 0; code <= 16; ++code) {
    const auto status_code = static_cast<StatusCode>(code);
    metrics_->OnRequest("", "", "Classify", status_code, kTenMilliseconds);
    EXPECT_THAT(
        Value(absl::StrCat("siskin_requests_total{code=\"", absl::StatusCodeToString(status_code),
                           "\",method=\"Classify\",model=\"\",version=\"\"}")),
        Optional(1));
  }
  metrics_->OnRequest("", "", "Classify", static_cast<StatusCode>(99), kTenMilliseconds);
  EXPECT_THAT(Value("siskin_requests_total{code=\"UNKNOWN\",method=\"Classify\",model=\"\","
                    "version=\"\"}"),
              Optional(2));
}

TEST_F(MetricsTest, ModelsThatAreNotKnownDoNotGetSeries) {
  SetState("net", "1", ModelState::kReady);
  metrics_->OnRequest("nat", "1", "Classify", StatusCode::kNotFound, kTenMilliseconds);
  metrics_->OnRequest("net", "7", "Classify", StatusCode::kNotFound, kTenMilliseconds);
  EXPECT_THAT(
      Value(R"(siskin_requests_total{code="NOT_FOUND",method="Classify",model="",version=""})"),
      Optional(1));
  EXPECT_THAT(
      Value(R"(siskin_requests_total{code="NOT_FOUND",method="Classify",model="net",version=""})"),
      Optional(1));
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr("nat")));
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr(R"(version="7")")));
}

TEST_F(MetricsTest, AnObjectiveIsTheBoundOfABucket) {
  SetState("net", "1", ModelState::kReady);
  metrics_->OnRequest("net", "1", "Classify", StatusCode::kOk, absl::Milliseconds(50));
  metrics_->OnRequest("net", "1", "Classify", StatusCode::kOk, absl::Milliseconds(51));
  metrics_->OnRequest("net", "1", "Classify", StatusCode::kOk, absl::Hours(1));
  const auto bucket = [&](const char* le) {
    return Value(absl::StrCat("siskin_request_duration_seconds_bucket{code=\"OK\",model=\"net\",",
                              "le=\"", le, "\"}"));
  };
  EXPECT_THAT(bucket("0.035"), Optional(0));
  EXPECT_THAT(bucket("0.05"), Optional(1));
  EXPECT_THAT(bucket("0.075"), Optional(2));
  EXPECT_THAT(bucket("2.5"), Optional(2));
  EXPECT_THAT(bucket("+Inf"), Optional(3));
  for (const char* le : {"0.01", "0.015", "0.1"}) EXPECT_NE(bucket(le), std::nullopt) << le;
}

TEST_F(MetricsTest, StagesAreCountedAnImage) {
  SetState("net", "1", ModelState::kReady);
  metrics_->OnStages("net", "1",
                     {.queue = absl::Milliseconds(2),
                      .prepare = absl::Milliseconds(3),
                      .compute = absl::Milliseconds(4),
                      .batch_size = 8},
                     absl::Milliseconds(1));
  metrics_->OnStages("other", "1", {}, {});
  EXPECT_THAT(Value(R"(siskin_queue_duration_seconds_sum{model="net"})"), Optional(0.002));
  EXPECT_THAT(Value(R"(siskin_decode_duration_seconds_sum{model="net"})"), Optional(0.003));
  EXPECT_THAT(Value(R"(siskin_compute_duration_seconds_sum{model="net"})"), Optional(0.004));
  EXPECT_THAT(Value(R"(siskin_compute_duration_seconds_count{model="net"})"), Optional(1));
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr("other")));
}

TEST_F(MetricsTest, AVersionIsInOneState) {
  const auto expect = [&](const char* state, double value) {
    EXPECT_THAT(Value(absl::StrCat("siskin_model_state{model=\"net\",state=\"", state,
                                   "\",version=\"1\"}")),
                Optional(value))
        << state;
  };
  for (ModelState state : {ModelState::kLoading, ModelState::kWarming, ModelState::kReady,
                           ModelState::kDraining, ModelState::kFailed}) {
    SetState("net", "1", state);
    for (ModelState other : {ModelState::kLoading, ModelState::kWarming, ModelState::kReady,
                             ModelState::kDraining, ModelState::kFailed}) {
      expect(engine::ToString(other), other == state ? 1 : 0);
    }
  }
}

TEST_F(MetricsTest, SeriesGoWithTheLastVersion) {
  SetState("net", "1", ModelState::kReady);
  SetState("net", "2", ModelState::kReady);
  metrics_->OnRequest("net", "1", "Classify", StatusCode::kOk, kTenMilliseconds);
  SetState("net", "1", ModelState::kUnloaded);
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr(R"(version="1")")));
  EXPECT_THAT(Value(R"(siskin_request_duration_seconds_count{code="OK",model="net"})"),
              Optional(1));
  SetState("net", "2", ModelState::kUnloaded);
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr(R"(model="net")")));
}

TEST_F(MetricsTest, AnAnswerAfterItsModelsEndIsStillCounted) {
  SetState("net", "1", ModelState::kReady);
  SetState("net", "1", ModelState::kUnloaded);
  metrics_->OnRequest("net", "1", "Classify", StatusCode::kOk, kTenMilliseconds);
  metrics_->OnStages("net", "1", {}, {});
  EXPECT_THAT(Value(R"(siskin_requests_total{code="OK",method="Classify",model="",version=""})"),
              Optional(1));
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr(R"(model="net")")));
}

TEST_F(MetricsTest, UnloadingWhatIsNotKnownDoesNothing) {
  SetState("net", "1", ModelState::kUnloaded);
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr(R"(model="net")")));
}

TEST_F(MetricsTest, AReloadedModelStartsAtZero) {
  SetState("net", "1", ModelState::kReady);
  metrics_->OnRequest("net", "1", "Classify", StatusCode::kOk, kTenMilliseconds);
  SetState("net", "1", ModelState::kUnloaded);
  SetState("net", "1", ModelState::kLoading);
  EXPECT_THAT(
      Value(R"(siskin_requests_total{code="OK",method="Classify",model="net",version="1"})"),
      Optional(0));
}

TEST_F(MetricsTest, GaugesAreReadAtScrapeTime) {
  double value = 1;
  metrics_->AddGauge("siskin_requests_in_flight", "Admitted RPCs.", [&] { return value; });
  EXPECT_THAT(Value("siskin_requests_in_flight"), Optional(1));
  value = 2.5;
  EXPECT_THAT(Value("siskin_requests_in_flight"), Optional(2.5));
  EXPECT_THAT(metrics_->Scrape(), HasSubstr("# HELP siskin_requests_in_flight Admitted RPCs.\n"
                                            "# TYPE siskin_requests_in_flight gauge\n"));
}

TEST_F(MetricsTest, AGaugeOfTheSameNameReplacesTheFirst) {
  metrics_->AddGauge("siskin_payload", "First.", [] { return 1; });
  metrics_->AddGauge("siskin_payload", "Second.", [] { return 2; });
  EXPECT_THAT(Value("siskin_payload"), Optional(2));
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr("First.")));
}

TEST_F(MetricsTest, TellsAboutTheProcess) {
  EXPECT_GT(Value("process_resident_memory_bytes").value_or(0), 1 << 20);
  EXPECT_GT(Value("process_cpu_seconds_total").value_or(0), 0);
  EXPECT_GE(Value("process_open_fds").value_or(0), 3);
  EXPECT_THAT(metrics_->Scrape(), HasSubstr("# TYPE process_cpu_seconds_total counter\n"));
}

TEST_F(MetricsTest, LabelValuesAreEscaped) {
  metrics_->OnRequest("", "", "a\"b\\c\nd", StatusCode::kOk, kTenMilliseconds);
  EXPECT_THAT(metrics_->Scrape(), HasSubstr(R"(method="a\"b\\c\nd")"));
}

TEST_F(MetricsTest, CountsFromManyThreadsWhileModelsComeAndGo) {
  constexpr int kThreads = 4;
  constexpr int kRequests = 1000;
  SetState("net", "1", ModelState::kReady);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kRequests; ++j) {
        metrics_->OnRequest("net", "1", "Classify", static_cast<StatusCode>(j % 17),
                            kTenMilliseconds);
        metrics_->OnRequest("brief", "1", "Classify", StatusCode::kOk, kTenMilliseconds);
        metrics_->OnStages("brief", "1", {}, {});
      }
    });
  }
  std::string last;
  for (int j = 0; j < 50; ++j) {
    SetState("brief", "1", ModelState::kReady);
    last = metrics_->Scrape();
    SetState("brief", "1", ModelState::kUnloaded);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(last, HasSubstr(R"(model="brief")"));
  const std::string exposition = metrics_->Scrape();
  double total = 0;
  for (int code = 0; code <= 16; ++code) {
    total +=
        Sample(exposition, absl::StrCat("siskin_requests_total{code=\"",
                                        absl::StatusCodeToString(static_cast<StatusCode>(code)),
                                        "\",method=\"Classify\",model=\"net\",version=\"1\"}"))
            .value_or(0);
  }
  EXPECT_EQ(total, kThreads * kRequests);
  EXPECT_THAT(exposition, Not(HasSubstr(R"(model="brief")")));
}

struct CommandResult {
  int exit_code = -1;
  std::string output;
};

CommandResult Shell(const std::string& command) {
  CommandResult result;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  std::array<char, 4096> buffer;
  for (size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    result.output.append(buffer.data(), n);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  return result;
}

// Of the names that are ours: those of Triton break the conventions by nature.
TEST_F(MetricsTest, PromtoolFindsNothing) {
  if (Shell("promtool --version").exit_code != 0) {
    GTEST_SKIP() << "needs promtool (Debian package prometheus)";
  }
  SetState("net", "1", ModelState::kReady);
  SetState("other", "1", ModelState::kFailed);
  metrics_->OnRequest("net", "1", "Classify", StatusCode::kOk, kTenMilliseconds);
  metrics_->OnRequest("", "", "Classify", StatusCode::kNotFound, kTenMilliseconds);
  metrics_->OnStages("net", "1", {}, {});
  metrics_->AddGauge("siskin_requests_in_flight", "Admitted RPCs.", [] { return 1; });
  metrics_->OnModelLoaded({.model = siskin::testing::SmallModel("net"), .queue = nullptr},
                          {.load = absl::Seconds(1), .warm_up = absl::Seconds(1), .lanes = 1});
  metrics_->OnLanes(2);
  metrics_->OnReady();
  const std::string path = absl::StrCat(::testing::TempDir(), "siskin_exposition_", getpid());
  std::ofstream(path) << metrics_->Scrape();
  const CommandResult result = Shell("promtool check metrics < '" + path + "'");
  unlink(path.c_str());
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, "");
}

TEST_F(MetricsTest, BatchesAreCountedByReasonAndSize) {
  const auto model = siskin::testing::SmallModel("net");
  ASSERT_NE(model, nullptr);
  metrics_->OnBatch(*model, 4, CloseReason::kFull, absl::Seconds(1));
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr(R"(model="net")")));
  SetState("net", "1", ModelState::kReady);
  metrics_->OnBatch(*model, 4, CloseReason::kFull, absl::Milliseconds(20));
  metrics_->OnBatch(*model, 1, CloseReason::kDelay, absl::Milliseconds(5));
  metrics_->OnBatch(*model, 100, CloseReason::kDelay, absl::Milliseconds(75));
  EXPECT_THAT(Value(R"(siskin_batches_total{model="net",reason="full"})"), Optional(1));
  EXPECT_THAT(Value(R"(siskin_batches_total{model="net",reason="delay"})"), Optional(2));
  EXPECT_THAT(Value(R"(siskin_batches_total{model="net",reason="deadline"})"), Optional(0));
  EXPECT_THAT(Value(R"(siskin_batch_size_bucket{model="net",le="1"})"), Optional(1));
  EXPECT_THAT(Value(R"(siskin_batch_size_bucket{model="net",le="4"})"), Optional(2));
  EXPECT_THAT(Value(R"(siskin_batch_size_bucket{model="net",le="64"})"), Optional(2));
  EXPECT_THAT(Value(R"(siskin_batch_size_bucket{model="net",le="+Inf"})"), Optional(3));
  EXPECT_THAT(Value(R"(siskin_lane_compute_seconds_total{model="net"})"), Optional(0.1));
}

}  // namespace
}  // namespace siskin::metrics
