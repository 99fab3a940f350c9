// The whole client against a server in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "loadtest/connection.h"
#include "loadtest/payload.h"
#include "loadtest/runner.h"
#include "tests/loadtest/fake_server.h"

namespace siskin::loadtest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

grpc::Status AnswerRightly(const v1::ClassifyRequest& request, v1::ClassifyResponse& response) {
  response.set_id(request.id());
  response.add_classifications()->set_index(static_cast<uint32_t>(request.id().back()));
  response.mutable_timing()->set_batch_size(3);
  return grpc::Status::OK;
}

// Both kinds of worker must behave alike.
class RunTest : public ::testing::TestWithParam<bool> {
 protected:
  RunTest() {
    options_.stream = GetParam();
    options_.shape = {3, 2, 2};
    options_.concurrency = 6;
    options_.connections = 3;
    options_.threads = 2;
    options_.warmup = absl::ZeroDuration();
    options_.duration = absl::InfiniteDuration();
    options_.requests = 200;
  }

  Stats Run(FakeServer& server, const ProgressFn& progress = nullptr) {
    options_.server = server.address();
    Options patient = options_;  // connecting is not what these tests time out
    patient.timeout = absl::Seconds(30);
    const auto channels = Connect(patient);
    EXPECT_TRUE(channels.ok()) << channels.status();
    const auto payloads = MakePayloads(options_);
    EXPECT_TRUE(payloads.ok()) << payloads.status();
    auto result = loadtest::Run(options_, *channels, *payloads, progress);
    EXPECT_TRUE(result.ok()) << result.status();
    return result->stats;
  }

  Options options_;
};

INSTANTIATE_TEST_SUITE_P(Workers, RunTest, ::testing::Values(false, true), [](const auto& info) {
  return std::string(info.param ? "Stream" : "Unary");
});

TEST_P(RunTest, MeasuresExactlyTheRequestsAskedFor) {
  std::atomic<int64_t> answered = 0;
  FakeServer server([&answered](const auto& request, auto& response) {
    ++answered;
    return AnswerRightly(request, response);
  });
  const Stats stats = Run(server);
  EXPECT_EQ(stats.requests, 200);
  EXPECT_EQ(stats.succeeded, 200);
  EXPECT_EQ(stats.latency.count(), 200);
  EXPECT_TRUE(stats.errors.empty()) << stats.first_error;
  EXPECT_EQ(stats.mismatches, 0);
  EXPECT_EQ(stats.server.answers, 200);
  EXPECT_EQ(stats.server.batch_size, 600);
  // The rest was in flight when the last measured answer came.
  EXPECT_GE(answered, 200);
  EXPECT_LT(answered, 200 + options_.concurrency);
}

// The closed loop: with every answer held back, exactly `concurrency` requests arrive.
TEST_P(RunTest, KeepsAsManyRequestsInFlightAsAsked) {
  absl::Mutex mu;
  absl::CondVar all_here;
  int in_flight = 0;
  int most = 0;
  bool filled = false;
  FakeServer server([&](const auto& request, auto& response) {
    absl::MutexLock lock(&mu);
    most = std::max(most, ++in_flight);
    if (in_flight == options_.concurrency) {
      filled = true;
      all_here.SignalAll();
    }
    while (!filled) all_here.Wait(&mu);
    --in_flight;
    return AnswerRightly(request, response);
  });
  EXPECT_EQ(Run(server).succeeded, 200);
  absl::MutexLock lock(&mu);
  EXPECT_EQ(most, options_.concurrency);
}

TEST_P(RunTest, CountsEveryErrorByItsCodeAndGoesOn) {
  std::atomic<int> calls = 0;
  std::atomic<int> failed = 0;
  FakeServer server([&](const auto& request, auto& response) -> grpc::Status {
    if (++calls % 50 == 0) {
      ++failed;
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "queue full"};
    }
    return AnswerRightly(request, response);
  });
  const Stats stats = Run(server);
  EXPECT_EQ(stats.requests, 200);
  EXPECT_THAT(stats.errors, ElementsAre(Pair(grpc::StatusCode::RESOURCE_EXHAUSTED, failed.load())));
  EXPECT_EQ(stats.first_error, "RESOURCE_EXHAUSTED: queue full");
  EXPECT_EQ(stats.latency.Max(), options_.timeout);
}

TEST_P(RunTest, ABrokenCallIsAnErrorAndTheNextOneGoesThrough) {
  std::atomic<bool> broken = false;
  FakeServer server([&](const auto& request, auto& response) -> grpc::Status {
    if (!broken.exchange(true)) return {grpc::StatusCode::CANCELLED, "broken off"};
    return AnswerRightly(request, response);
  });
  const Stats stats = Run(server);
  EXPECT_EQ(stats.succeeded, 199);
  EXPECT_THAT(stats.errors, ElementsAre(Pair(grpc::StatusCode::CANCELLED, 1)));
}

TEST_P(RunTest, NoticesAnAnswerThatBelongsToAnotherRequest) {
  std::atomic<int> calls = 0;
  FakeServer server([&calls](const auto& request, auto& response) {
    const grpc::Status status = AnswerRightly(request, response);
    if (++calls == 100) response.set_id("payload-of-someone-else");
    return status;
  });
  EXPECT_EQ(Run(server).mismatches, 1);
}

TEST_P(RunTest, NoticesAnAnswerThatChanges) {
  std::atomic<int> calls = 0;
  FakeServer server([&calls](const auto& request, auto& response) {
    const grpc::Status status = AnswerRightly(request, response);
    if (++calls == 100) response.mutable_classifications(0)->set_index(12345);
    return status;
  });
  EXPECT_EQ(Run(server).mismatches, 1);
}

TEST_P(RunTest, ASilentServerDoesNotHoldTheClientForever) {
  absl::Notification leave;
  FakeServer server([&leave](const auto& request, auto& response) {
    leave.WaitForNotification();
    return AnswerRightly(request, response);
  });
  options_.timeout = absl::Milliseconds(50);
  options_.requests = 1;
  const Stats stats = Run(server);
  leave.Notify();
  EXPECT_EQ(stats.requests, 1);
  EXPECT_EQ(stats.succeeded, 0);
  EXPECT_FALSE(stats.errors.empty());
}

TEST_P(RunTest, ProgressMayEndTheRun) {
  FakeServer server(AnswerRightly);
  options_.requests = 0;
  const Stats stats = Run(server, [](absl::string_view what, const Stats& now) {
    EXPECT_EQ(what, "measuring");
    return now.requests < 10;
  });
  EXPECT_GE(stats.requests, 10);
  EXPECT_GT(stats.elapsed, absl::ZeroDuration());
}

TEST(ConnectionTest, TellsWhoIsNotThere) {
  FakeServer server(AnswerRightly);
  server.Stop();
  Options options;
  options.server = server.address();
  options.timeout = absl::Milliseconds(100);
  const auto channels = Connect(options);
  EXPECT_EQ(channels.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(channels.status().message()), HasSubstr(server.address()));
}

TEST(ConnectionTest, EveryChannelIsAConnectionOfItsOwn) {
  FakeServer server(AnswerRightly);
  Options options;
  options.server = server.address();
  options.connections = 3;
  const auto channels = Connect(options);
  ASSERT_TRUE(channels.ok()) << channels.status();
  for (const auto& channel : *channels) EXPECT_TRUE(AskForShape(options, channel).ok());
  EXPECT_EQ(server.peers().size(), 3u);
}

TEST(ConnectionTest, AsksForTheShapeOfTheImageInput) {
  FakeServer server(AnswerRightly, {-1, 3, 128, 96});
  Options options;
  options.server = server.address();
  const auto channels = Connect(options);
  ASSERT_TRUE(channels.ok()) << channels.status();
  const auto shape = AskForShape(options, channels->front());
  ASSERT_TRUE(shape.ok()) << shape.status();
  EXPECT_THAT(*shape, ElementsAre(3, 128, 96));
}

TEST(ConnectionTest, RefusesAShapeThatIsNoImage) {
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{-1, 1000}, {-1, 1, 28, 28}, {-1, 3, -1, -1}, {-1, 3, 99999, 8}, {}}) {
    FakeServer server(AnswerRightly, shape);
    Options options;
    options.server = server.address();
    const auto channels = Connect(options);
    ASSERT_TRUE(channels.ok()) << channels.status();
    EXPECT_EQ(AskForShape(options, channels->front()).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
}

TEST(ConnectionTest, PassesTheServersRefusalOn) {
  FakeServer server(AnswerRightly);
  Options options;
  options.server = server.address();
  options.model = "missing";
  const auto channels = Connect(options);
  ASSERT_TRUE(channels.ok()) << channels.status();
  const auto shape = AskForShape(options, channels->front());
  EXPECT_EQ(shape.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(shape.status().message()), HasSubstr("--shape"));
}

}  // namespace
}  // namespace siskin::loadtest
