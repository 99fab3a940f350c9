#include "server/pull/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siskin::pull {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Url Parsed(std::string_view text) {
  const auto url = ParseUrl(text);
  EXPECT_TRUE(url.ok()) << url.status();
  return url.ok() ? *url : Url();
}

TEST(UrlTest, OriginHasTheDefaultPort) {
  EXPECT_EQ(Parsed("https://huggingface.co/a/b").origin, "https://huggingface.co:443");
  EXPECT_EQ(Parsed("https://huggingface.co:443/").origin, "https://huggingface.co:443");
  EXPECT_NE(Parsed("https://huggingface.co:444/").origin, "https://huggingface.co:443");
  EXPECT_NE(Parsed("https://huggingface.co.example.org/").origin, "https://huggingface.co:443");
  EXPECT_EQ(Parsed("https://huggingface.co/a/b?c").path, "/a/b");
}

TEST(UrlTest, OnlyHttpsAndThisMachineArePrivate) {
  EXPECT_TRUE(Parsed("https://example.org/").IsPrivate());
  EXPECT_TRUE(Parsed("http://127.0.0.1:80/").IsPrivate());
  EXPECT_TRUE(Parsed("http://localhost/").IsPrivate());
  EXPECT_TRUE(Parsed("http://[::1]/").IsPrivate());
  EXPECT_FALSE(Parsed("http://example.org/").IsPrivate());
  EXPECT_FALSE(Parsed("http://127.example.org/").IsPrivate());
}

TEST(UrlTest, RedirectsResolve) {
  const Url base = Parsed("https://a.org/x/y?q");
  EXPECT_EQ(ResolveUrl(base, "/z")->text, "https://a.org/z");
  EXPECT_EQ(ResolveUrl(base, "z")->text, "https://a.org/x/z");
  EXPECT_EQ(ResolveUrl(base, "//b.org/z")->text, "https://b.org/z");
  EXPECT_EQ(ResolveUrl(base, "http://b.org/z")->scheme, "http");
  EXPECT_FALSE(ResolveUrl(base, "file:///etc/passwd").ok());
}

TEST(UrlTest, PasswordsAreRefusedAndNotRepeated) {
  const auto url = ParseUrl("https://me:secret@example.org/");
  EXPECT_THAT(url.status().message(), AllOf(HasSubstr("password"), Not(HasSubstr("secret"))));
}

TEST(UrlTest, MessagesLeaveTheQueryOut) {
  EXPECT_EQ(ForMessage(Parsed("https://a.org/x?signature=s")), "https://a.org/x");
}

TEST(UrlTest, OtherSchemesAndNonsenseAreRefused) {
  for (const char* text : {"file:///etc/passwd", "gopher://a.org/", "https://", "", "a b"}) {
    EXPECT_FALSE(ParseUrl(text).ok()) << text;
  }
}

HttpResponse With(int status, std::map<std::string, std::string> headers = {}) {
  return {.status = status, .headers = std::move(headers)};
}

TEST(HttpAnswerTest, ContentRanges) {
  const auto range = ParseContentRange("bytes 5-9/10");
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->first, 5);
  EXPECT_EQ(range->total, 10);
  EXPECT_EQ(ParseContentRange("bytes */10")->first, std::nullopt);
  EXPECT_EQ(ParseContentRange("bytes 5-9/*")->total, std::nullopt);
  for (const char* text : {"", "items 5-9/10", "bytes 5-9", "bytes 5/9/10"}) {
    EXPECT_FALSE(ParseContentRange(text).has_value()) << text;
  }
  EXPECT_EQ(ParseContentRange("bytes -5-9/10")->first, std::nullopt);
}

TEST(HttpAnswerTest, WeakEtagsPromiseNothing) {
  EXPECT_EQ(StrongEtag(With(200, {{"etag", "\"a\""}})), "\"a\"");
  EXPECT_EQ(StrongEtag(With(200, {{"etag", "W/\"a\""}})), "");
  EXPECT_EQ(StrongEtag(With(200)), "");
}

TEST(HttpAnswerTest, TotalIsThatOfTheFile) {
  EXPECT_EQ(TotalBytes(With(200, {{"content-length", "7"}})), 7);
  EXPECT_EQ(TotalBytes(With(206, {{"content-length", "7"}, {"content-range", "bytes 3-9/10"}})),
            10);
  EXPECT_EQ(TotalBytes(With(200, {{"content-length", "-1"}})), 0);
  EXPECT_EQ(TotalBytes(With(200)), 0);
}

TEST(HttpAnswerTest, RetryAfterInSeconds) {
  EXPECT_EQ(RetryAfter(With(429, {{"retry-after", "9"}})), absl::Seconds(9));
  EXPECT_EQ(RetryAfter(With(429, {{"retry-after", "Fri, 31 Dec"}})), absl::ZeroDuration());
}

TEST(HttpAnswerTest, ErrorsSayWhatToDo) {
  const auto error = [](int status, const std::string& code = "") {
    return ErrorOf(With(status, {{"x-error-code", code}}), "https://a.org/x");
  };
  EXPECT_TRUE(absl::IsNotFound(error(404)));
  EXPECT_THAT(error(404).message(), HasSubstr("https://a.org/x: HTTP 404: no such file"));
  EXPECT_THAT(error(404, "RevisionNotFound").message(), HasSubstr("no such revision"));
  EXPECT_TRUE(absl::IsPermissionDenied(error(401)));
  EXPECT_THAT(error(401).message(), HasSubstr("set HF_TOKEN"));
  EXPECT_THAT(error(403, "GatedRepo").message(), HasSubstr("access must be granted first"));
  for (int status : {408, 429, 500, 502, 503, 504}) {
    EXPECT_TRUE(absl::IsUnavailable(error(status))) << status;
  }
  EXPECT_TRUE(absl::IsFailedPrecondition(error(418)));
}

}  // namespace
}  // namespace siskin::pull
