#include "server/pull/url.h"

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

}  // namespace
}  // namespace siskin::pull
