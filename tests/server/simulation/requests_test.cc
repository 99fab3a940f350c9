#include "server/simulation/requests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace siskin::simulation {
namespace {

using ::testing::HasSubstr;

std::vector<Request> Trace(std::string_view text, std::vector<std::string> models = {"net"}) {
  const auto requests = ParseTrace(text, "trace.csv", models);
  EXPECT_TRUE(requests.ok()) << requests.status();
  return requests.value_or(std::vector<Request>());
}

std::string TraceError(std::string_view text, std::vector<std::string> models = {"net"}) {
  const auto requests = ParseTrace(text, "trace.csv", models);
  EXPECT_EQ(requests.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(requests.status().message());
}

TEST(DrawRequestsTest, HasItsRateAndItsSpread) {
  const auto requests = DrawRequests({.rate = 1000, .requests = 100'000});
  ASSERT_EQ(requests.size(), 100'000u);
  EXPECT_NEAR(static_cast<double>(requests.back().time) / kSecond, 100, 1.5);
  double squares = 0;  // of gaps, whose mean is 1 ms: exponential ones have the mean square 2
  Nanoseconds before = 0;
  for (const Request& request : requests) {
    ASSERT_GE(request.time, before);
    squares += std::pow(static_cast<double>(request.time - before) / kMillisecond, 2);
    before = request.time;
  }
  EXPECT_NEAR(squares / 100'000, 2, 0.06);
}

TEST(DrawRequestsTest, AnotherRateIsTheSameLoadStretched) {
  const auto slow = DrawRequests({.rate = 10, .requests = 100});
  const auto fast = DrawRequests({.rate = 100, .requests = 100});
  for (size_t i = 0; i < slow.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(slow[i].time), 10.0 * static_cast<double>(fast[i].time), 10);
  }
  EXPECT_NE(DrawRequests({.rate = 10, .requests = 1, .seed = 2})[0].time, slow[0].time);
}

TEST(DrawRequestsTest, BurstsComeAtOnceAndKeepTheRate) {
  const auto requests = DrawRequests({.rate = 1000, .burst = 5, .requests = 100'000});
  EXPECT_NEAR(static_cast<double>(requests.back().time) / kSecond, 100, 4);
  int groups = 1;
  for (size_t i = 1; i < requests.size(); ++i) groups += requests[i].time != requests[i - 1].time;
  EXPECT_NEAR(100'000.0 / groups, 5, 0.2);
}

TEST(DrawRequestsTest, EndsInTime) {
  const auto requests = DrawRequests({.rate = 1000, .images = 3, .model = 1, .until = kSecond});
  EXPECT_NEAR(static_cast<double>(requests.size()), 1000, 120);
  EXPECT_LT(requests.back().time, kSecond);
  EXPECT_EQ(requests[0].images, 3);
  EXPECT_EQ(requests[0].model, 1);
}

TEST(TraceTest, ColumnsMayBeLeftOut) {
  const auto requests = Trace("# made by hand\n10.5\n10.75,net\r\n\n11,,4\n11,net,2\n");
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(requests[0].time, 0);
  EXPECT_EQ(requests[0].images, 1);
  EXPECT_EQ(requests[1].time, kSecond / 4);
  EXPECT_EQ(requests[2].images, 4);
  EXPECT_EQ(requests[3].time, kSecond / 2);
  EXPECT_EQ(requests[3].images, 2);
}

TEST(TraceTest, AFirstLineNamesTheColumns) {
  const auto requests = Trace("images, seconds, model\n2,1,b\n3,2,a\n", {"a", "b"});
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].images, 2);
  EXPECT_EQ(requests[0].model, 1);
  EXPECT_EQ(requests[1].model, 0);
  EXPECT_EQ(Trace("seconds,images\n1,7\n")[0].images, 7);
}

TEST(TraceTest, ErrorsNameTheLine) {
  EXPECT_THAT(TraceError(""), HasSubstr("trace.csv: no requests"));
  EXPECT_THAT(TraceError("seconds\n"), HasSubstr("no requests"));
  EXPECT_THAT(TraceError("1\n# x\nsoon\n"),
              HasSubstr("trace.csv:3: expected seconds, as a number"));
  EXPECT_THAT(TraceError("nan\n"), HasSubstr("trace.csv:1: expected seconds"));
  EXPECT_THAT(TraceError("2\n1\n"),
              HasSubstr("trace.csv:2: expected seconds that do not fall, got 1"));
  EXPECT_THAT(TraceError("1\n1e9\n"), HasSubstr("within a year"));
  EXPECT_THAT(TraceError("1,cat\n"),
              HasSubstr("trace.csv:1: no costs of a model 'cat', only of net"));
  EXPECT_THAT(TraceError("1\n", {"a", "b"}), HasSubstr("no costs of a model '', only of a, b"));
  EXPECT_THAT(TraceError("1,net,0\n"), HasSubstr("expected 1 to 256 images, got '0'"));
  EXPECT_THAT(TraceError("1,net,1,5\n"), HasSubstr("got 4 columns"));
  EXPECT_THAT(TraceError("seconds,size\n"), HasSubstr("trace.csv:1: expected the columns"));
  EXPECT_THAT(TraceError("seconds,seconds\n"), HasSubstr("each once, got 'seconds'"));
  EXPECT_THAT(TraceError("seconds\n1,net\n"), HasSubstr("expected 1 columns, got 2"));
}

}  // namespace
}  // namespace siskin::simulation
