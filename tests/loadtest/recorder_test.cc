#include "loadtest/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siskin::loadtest {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

constexpr absl::Duration kTimeout = absl::Seconds(10);

v1::ClassifyResponse Answer(const std::string& id, uint32_t top1) {
  v1::ClassifyResponse response;
  response.set_id(id);
  response.add_classifications()->set_index(top1);
  return response;
}

class RecorderTest : public ::testing::Test {
 protected:
  void RecordOk(size_t payload, const v1::ClassifyResponse& response,
                absl::Duration latency = absl::Milliseconds(1)) {
    recorder_.Record(payload, latency, grpc::Status::OK, response);
  }
  void RecordError(grpc::StatusCode code, const std::string& message) {
    recorder_.Record(0, absl::Microseconds(1), grpc::Status(code, message), {});
  }

  Recorder recorder_{{"a", "b"}, kTimeout, /*max_requests=*/0};
};

TEST_F(RecorderTest, AddsUpAnswersAndServerTiming) {
  recorder_.StartMeasuring();
  v1::ClassifyResponse response = Answer("a", 7);
  response.mutable_timing()->mutable_queue()->set_nanos(2'000'000);
  response.mutable_timing()->mutable_compute()->set_seconds(1);
  response.mutable_timing()->set_batch_size(4);
  RecordOk(0, response, absl::Milliseconds(3));
  RecordOk(0, Answer("a", 7), absl::Milliseconds(5));
  const Stats stats = recorder_.Snapshot();
  EXPECT_EQ(stats.requests, 2);
  EXPECT_EQ(stats.succeeded, 2);
  EXPECT_EQ(stats.latency.Mean(), absl::Milliseconds(4));
  EXPECT_EQ(stats.server.answers, 1);
  EXPECT_EQ(stats.server.queue, absl::Milliseconds(2));
  EXPECT_EQ(stats.server.decode, absl::ZeroDuration());
  EXPECT_EQ(stats.server.compute, absl::Seconds(1));
  EXPECT_EQ(stats.server.batch_size, 4);
  EXPECT_EQ(stats.mismatches, 0);
}

TEST_F(RecorderTest, WarmUpAnswersDoNotCountButTheirFaultsDo) {
  RecordOk(0, Answer("a", 7));
  RecordOk(0, Answer("a", 8));
  RecordError(grpc::StatusCode::UNAVAILABLE, "early");
  recorder_.StartMeasuring();
  RecordOk(0, Answer("a", 7));
  const Stats stats = recorder_.Snapshot();
  EXPECT_EQ(stats.requests, 1);
  EXPECT_EQ(stats.latency.count(), 1);
  EXPECT_EQ(stats.mismatches, 1);
  EXPECT_THAT(stats.errors, ElementsAre(Pair(grpc::StatusCode::UNAVAILABLE, 1)));
}

TEST_F(RecorderTest, FaultsAfterTheEndStillCount) {
  recorder_.StartMeasuring();
  recorder_.Stop();
  EXPECT_TRUE(recorder_.stopped());
  RecordOk(0, Answer("wrong id", 7));
  RecordError(grpc::StatusCode::INTERNAL, "late");
  const Stats stats = recorder_.Snapshot();
  EXPECT_EQ(stats.requests, 0);
  EXPECT_EQ(stats.mismatches, 1);
  EXPECT_EQ(stats.first_error, "INTERNAL: late");
}

TEST_F(RecorderTest, AFailedRequestCountsWithTheTimeout) {
  recorder_.StartMeasuring();
  RecordOk(0, Answer("a", 7));
  RecordError(grpc::StatusCode::RESOURCE_EXHAUSTED, "full");
  RecordError(grpc::StatusCode::UNAVAILABLE, "gone");
  const Stats stats = recorder_.Snapshot();
  EXPECT_EQ(stats.requests, 3);
  EXPECT_EQ(stats.succeeded, 1);
  EXPECT_EQ(stats.latency.Max(), kTimeout);
  EXPECT_EQ(stats.first_error, "RESOURCE_EXHAUSTED: full");
  EXPECT_EQ(stats.errors.size(), 2u);
}

TEST_F(RecorderTest, EachPayloadHasATop1OfItsOwn) {
  RecordOk(0, Answer("a", 1));
  RecordOk(1, Answer("b", 2));
  RecordOk(0, Answer("a", 1));
  EXPECT_EQ(recorder_.Snapshot().mismatches, 0);
  RecordOk(1, Answer("b", 1));
  EXPECT_EQ(recorder_.Snapshot().mismatches, 1);
}

TEST_F(RecorderTest, AnAnswerForAnotherRequestOrWithoutClassesIsAMismatch) {
  RecordOk(0, Answer("b", 1));
  EXPECT_EQ(recorder_.Snapshot().mismatches, 1);
  v1::ClassifyResponse empty;
  empty.set_id("a");
  RecordOk(0, empty);
  EXPECT_EQ(recorder_.Snapshot().mismatches, 2);
}

TEST_F(RecorderTest, TimePassesOnlyUntilTheEnd) {
  recorder_.StartMeasuring();
  EXPECT_FALSE(recorder_.WaitUntilStopped(absl::ZeroDuration()));
  recorder_.Stop();
  EXPECT_TRUE(recorder_.WaitUntilStopped(absl::ZeroDuration()));
  EXPECT_EQ(recorder_.Snapshot().elapsed, recorder_.Snapshot().elapsed);
}

TEST(RecorderLimitTest, StopsAfterTheGivenNumberOfMeasuredRequests) {
  Recorder recorder({"a"}, kTimeout, /*max_requests=*/2);
  const auto record = [&] {
    recorder.Record(0, absl::Milliseconds(1), grpc::Status::OK, Answer("a", 1));
  };
  record();
  record();
  EXPECT_FALSE(recorder.stopped()) << "the warm-up has no limit";
  recorder.StartMeasuring();
  record();
  EXPECT_FALSE(recorder.stopped());
  record();
  EXPECT_TRUE(recorder.stopped());
  record();
  EXPECT_EQ(recorder.Snapshot().requests, 2);
}

}  // namespace
}  // namespace siskin::loadtest
