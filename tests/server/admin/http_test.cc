#include "server/admin/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nlohmann/json.hpp"

namespace siskin::admin {
namespace {

using ::testing::HasSubstr;

TEST(HttpRequestTest, HeadersAreFoundInAnyCase) {
  const HttpRequest request = {.headers = {{"content-TYPE", "a"}, {"Cookie", "b"}}};
  EXPECT_EQ(request.Header("Content-Type"), "a");
  EXPECT_EQ(request.Header("cookie"), "b");
  EXPECT_EQ(request.Header("Content"), "");
}

TEST(HttpRequestTest, GetAndHeadOnlyRead) {
  EXPECT_TRUE(HttpRequest{.method = "GET"}.reads_only());
  EXPECT_TRUE(HttpRequest{.method = "HEAD"}.reads_only());
  EXPECT_FALSE(HttpRequest{.method = "POST"}.reads_only());
  EXPECT_FALSE(HttpRequest{.method = "get"}.reads_only());
}

TEST(QueryValueTest, IsDecoded) {
  constexpr char kQuery[] = "model=a%2Fb+c&version=7&empty=&flag";
  EXPECT_EQ(QueryValue(kQuery, "model"), "a/b c");
  EXPECT_EQ(QueryValue(kQuery, "version"), "7");
  for (const char* name : {"empty", "flag", "absent", "odel"}) {
    EXPECT_EQ(QueryValue(kQuery, name), "") << name;
  }
  EXPECT_EQ(QueryValue("", "model"), "");
}

struct Row {
  absl::StatusCode code;
  int http;
};

class ErrorResponseTest : public ::testing::TestWithParam<Row> {};

TEST_P(ErrorResponseTest, HasTheNumberOfItsCode) {
  const HttpResponse response = ErrorResponse(absl::Status(GetParam().code, "what is wrong"));
  EXPECT_EQ(response.status, GetParam().http);
  EXPECT_EQ(response.content_type, kJson);
  const auto error = nlohmann::json::parse(response.body)["error"];
  EXPECT_EQ(error["code"], absl::StatusCodeToString(GetParam().code));
  EXPECT_EQ(error["message"], "what is wrong");
  const bool worth_a_retry = response.status == 429 || response.status == 503;
  EXPECT_EQ(!response.headers.empty() && response.headers.back().first == "Retry-After",
            worth_a_retry);
}

INSTANTIATE_TEST_SUITE_P(Codes, ErrorResponseTest,
                         ::testing::Values(Row{absl::StatusCode::kInvalidArgument, 400},
                                           Row{absl::StatusCode::kUnauthenticated, 401},
                                           Row{absl::StatusCode::kPermissionDenied, 403},
                                           Row{absl::StatusCode::kNotFound, 404},
                                           Row{absl::StatusCode::kResourceExhausted, 429},
                                           Row{absl::StatusCode::kFailedPrecondition, 503},
                                           Row{absl::StatusCode::kUnavailable, 503},
                                           Row{absl::StatusCode::kDeadlineExceeded, 504},
                                           Row{absl::StatusCode::kInternal, 500},
                                           Row{absl::StatusCode::kCancelled, 500}));

TEST(ErrorResponseMessageTest, NeedNotBeUtf8) {
  const HttpResponse response = ErrorResponse(absl::NotFoundError("model '\xff\"'"), 413);
  EXPECT_EQ(response.status, 413);
  const std::string message = nlohmann::json::parse(response.body)["error"]["message"];
  EXPECT_THAT(message, HasSubstr("model '"));
}

}  // namespace
}  // namespace siskin::admin
