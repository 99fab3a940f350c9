#include "server/admin/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace siskin::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kToken[] = "0123456789abcdef";

HttpRequest With(std::string_view name, std::string_view value) {
  return {.method = "GET", .path = "/", .headers = {{name, value}}};
}

TEST(ParseTokenTest, DropsWhatIsAroundIt) {
  EXPECT_EQ(ParseToken(absl::StrCat("  ", kToken, "\r\n")).value(), kToken);
}

TEST(ParseTokenTest, RefusesWhatIsNoneWithoutQuotingIt) {
  for (const char* text : {"", "\n", "0123456789abcde", "0123456789 abcdef", "0123456789abcde\x7f",
                           "0123456789abcdef\nsecond line"}) {
    const absl::Status status = ParseToken(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("0123")));
  }
}

TEST(AccessTest, WithoutATokenEverybodyMay) {
  const Access access("");
  EXPECT_FALSE(access.has_token());
  EXPECT_TRUE(access.Allows({}));
  EXPECT_FALSE(access.IsToken(""));
}

TEST(AccessTest, TheTokenIsNeeded) {
  const Access access(kToken);
  EXPECT_FALSE(access.Allows({}));
  EXPECT_TRUE(access.Allows(With("Authorization", absl::StrCat("Bearer ", kToken))));
  for (const char* value :
       {"0123456789abcdef", "Bearer ", "Bearer 0123456789abcdeg", "Bearer 0123456789abcde",
        "Bearer 0123456789abcdef0", "Basic 0123456789abcdef", "bearer", ""}) {
    EXPECT_FALSE(access.Allows(With("Authorization", value))) << value;
  }
}

TEST(AccessTest, ASessionIsAsGoodAsTheToken) {
  const Access access(kToken);
  const std::string set = access.SessionCookie();
  EXPECT_THAT(set, HasSubstr("; HttpOnly"));
  EXPECT_THAT(set, HasSubstr("; SameSite=Strict"));
  EXPECT_THAT(set, Not(HasSubstr(kToken)));
  const std::string cookie = set.substr(0, set.find(';'));
  EXPECT_TRUE(access.Allows(With("Cookie", cookie)));
  EXPECT_TRUE(access.Allows(With("Cookie", absl::StrCat("other=1; ", cookie, "; more=2"))));
  EXPECT_FALSE(access.Allows(With("Cookie", absl::StrCat(cookie, "0"))));
  EXPECT_FALSE(access.Allows(With("Cookie", "siskin_session=")));
  EXPECT_FALSE(access.Allows(With("Cookie", absl::StrCat("siskin_session=", kToken))));
}

TEST(AccessTest, ASessionOfAnotherProcessIsNone) {
  const std::string cookie = Access(kToken).SessionCookie();
  EXPECT_FALSE(Access(kToken).Allows(With("Cookie", cookie.substr(0, cookie.find(';')))));
}

TEST(MayBeCrossSiteTest, OnlyOurOwnPageAndProgramsAreNot) {
  EXPECT_TRUE(MayBeCrossSite({}));
  HttpRequest request = With("X-Requested-With", "siskin");
  EXPECT_FALSE(MayBeCrossSite(request));
  request.headers.emplace_back("Sec-Fetch-Site", "same-origin");
  EXPECT_FALSE(MayBeCrossSite(request));
  for (const char* site : {"cross-site", "same-site"}) {
    request.headers.back().second = site;
    EXPECT_TRUE(MayBeCrossSite(request)) << site;
  }
}

}  // namespace
}  // namespace siskin::admin
