#include "server/admin/status_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "nlohmann/json.hpp"
#include "server/admin/page_assets.h"

namespace siskin::admin {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

constexpr char kToken[] = "0123456789abcdef";
constexpr int64_t kMaxPhotoBytes = 10;

HttpRequest Get(std::string_view path) { return {.method = "GET", .path = path}; }

HttpRequest Post(std::string_view path, const std::string& body) {
  return {.method = "POST",
          .path = path,
          .headers = {{"X-Requested-With", "test"}},
          .content_length = static_cast<int64_t>(body.size()),
          .read_body = [body] { return body; }};
}

class StatusPageTest : public ::testing::Test {
 protected:
  void Start(const std::string& token) {
    page_ = std::make_unique<StatusPage>(
        StatusPage::Options{.token = token, .max_photo_bytes = kMaxPhotoBytes},
        StatusPage::Sources{
            .status = [] { return "{}"; },
            .infer = [this](const PhotoQuestion& question) { return infer_(question); }});
  }
  void SetUp() override { Start(""); }

  HttpResponse Ask(const HttpRequest& request) {
    auto response = page_->Handle(request);
    EXPECT_TRUE(response.has_value()) << request.path;
    return response.value_or(HttpResponse{.status = 0});
  }

  std::function<absl::StatusOr<std::string>(const PhotoQuestion&)> infer_ =
      [](const PhotoQuestion& question) {
        return absl::StrCat(question.model, "|", question.version, "|", question.photo);
      };
  std::unique_ptr<StatusPage> page_;
};

TEST_F(StatusPageTest, ServesThePageAndItsFiles) {
  EXPECT_THAT(Ask(Get("/")).content_type, HasSubstr("text/html"));
  EXPECT_THAT(Ask(Get("/status.css")).content_type, HasSubstr("text/css"));
  EXPECT_THAT(Ask(Get("/status.mjs")).content_type, HasSubstr("text/javascript"));
  EXPECT_EQ(Ask(Get("/api/status")).body, "{}");
  for (const char* path :
       {"/index.html", "/login.html", "/page/status.mjs", "/api", "/api/session"}) {
    EXPECT_FALSE(page_->Handle(Get(path)).has_value()) << path;
  }
}

TEST_F(StatusPageTest, PagesAreReadAndPhotosArePosted) {
  for (const char* path : {"/", "/status.mjs", "/api/status"}) {
    const HttpResponse response = Ask(Post(path, ""));
    EXPECT_EQ(response.status, 405) << path;
    EXPECT_THAT(response.headers, Contains(Pair("Allow", "GET, HEAD")));
  }
  const HttpResponse response = Ask(Get("/api/infer"));
  EXPECT_EQ(response.status, 405);
  EXPECT_THAT(response.headers, Contains(Pair("Allow", "POST")));
}

TEST_F(StatusPageTest, APhotoIsAskedAbout) {
  HttpRequest request = Post("/api/infer", "photo");
  request.query = "version=3&model=a%20b";
  const HttpResponse response = Ask(request);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, kJson);
  EXPECT_EQ(response.body, "a b|3|photo");
}

TEST_F(StatusPageTest, AnErrorKeepsItsCode) {
  infer_ = [](const PhotoQuestion&) { return absl::NotFoundError("no such model"); };
  const HttpResponse response = Ask(Post("/api/infer", "photo"));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(nlohmann::json::parse(response.body)["error"]["message"], "no such model");
}

TEST_F(StatusPageTest, ALargePhotoIsRefusedUnread) {
  EXPECT_EQ(Ask(Post("/api/infer", std::string(kMaxPhotoBytes, 'x'))).status, 200);
  HttpRequest request = Post("/api/infer", "");
  request.content_length = kMaxPhotoBytes + 1;
  request.read_body = []() -> std::optional<std::string> {
    ADD_FAILURE() << "was read";
    return std::nullopt;
  };
  const HttpResponse response = Ask(request);
  EXPECT_EQ(response.status, 413);
  EXPECT_THAT(response.body, HasSubstr("11 bytes, this server takes 10"));
  request.content_length = -1;
  EXPECT_EQ(Ask(request).status, 411);
}

TEST_F(StatusPageTest, AnIncompletePhotoIsNotAskedAboutAndFreesThePage) {
  HttpRequest request = Post("/api/infer", "photo");
  request.read_body = [] { return std::nullopt; };
  EXPECT_EQ(Ask(request).status, 408);
  EXPECT_EQ(Ask(Post("/api/infer", "photo")).status, 200);
}

TEST_F(StatusPageTest, OnePhotoAtATime) {
  absl::Notification asked;
  absl::Notification answer;
  infer_ = [&](const PhotoQuestion&) {
    asked.Notify();
    answer.WaitForNotification();
    return std::string("first");
  };
  HttpResponse first;
  std::thread client([&] { first = Ask(Post("/api/infer", "photo")); });
  asked.WaitForNotification();
  const HttpResponse second = Ask(Post("/api/infer", "photo"));
  EXPECT_EQ(second.status, 429);
  EXPECT_THAT(second.headers, Contains(Key("Retry-After")));
  EXPECT_EQ(Ask(Get("/api/status")).status, 200);
  answer.Notify();
  client.join();
  EXPECT_EQ(first.body, "first");
}

TEST_F(StatusPageTest, RefusesWhatAnotherSiteMayHaveStarted) {
  Start(kToken);
  for (const char* path : {"/api/infer", "/api/session"}) {
    HttpRequest request = Post(path, kToken);
    request.headers = {{"Content-Type", "text/plain"}};
    EXPECT_EQ(Ask(request).status, 403) << path;
    request.headers = {{"X-Requested-With", "x"}, {"Sec-Fetch-Site", "cross-site"}};
    EXPECT_EQ(Ask(request).status, 403) << path;
  }
}

TEST_F(StatusPageTest, WithATokenThePageAsksForIt) {
  Start(kToken);
  const HttpResponse page = Ask(Get("/"));
  EXPECT_EQ(page.status, 401);
  EXPECT_THAT(page.body, HasSubstr("id=\"token\""));
  for (const HttpRequest& request : {Get("/api/status"), Post("/api/infer", "photo")}) {
    const HttpResponse response = Ask(request);
    EXPECT_EQ(response.status, 401) << request.path;
    EXPECT_THAT(response.headers, Contains(Pair("WWW-Authenticate", "Bearer")));
  }
  HttpRequest request = Get("/api/status");
  request.headers = {{"Authorization", "Bearer 0123456789abcdef"}};
  EXPECT_EQ(Ask(request).status, 200);
}

TEST_F(StatusPageTest, LoggingInGivesASession) {
  Start(kToken);
  const HttpResponse login = Ask(Post("/api/session", kToken));
  EXPECT_EQ(login.status, 200);
  ASSERT_THAT(login.headers, Contains(Key("Set-Cookie")));
  const std::string set = login.headers.front().second;
  const std::string cookie = set.substr(0, set.find(';'));
  HttpRequest request = Get("/");
  request.headers = {{"Cookie", cookie}};
  EXPECT_EQ(Ask(request).status, 200);
}

TEST_F(StatusPageTest, AWrongTokenGivesNone) {
  Start(kToken);
  const HttpResponse login = Ask(Post("/api/session", "0123456789abcdeg"));
  EXPECT_EQ(login.status, 401);
  EXPECT_THAT(login.headers, Not(Contains(Key("Set-Cookie"))));
}

// Every address that starts with a slash or is imported in the file.
std::set<std::string> LinksOf(std::string_view file) {
  static const std::regex kLink("(?:src=\"|from '\\.|href=\")(/[a-z.]*)");
  std::set<std::string> links;
  const std::string text(file);
  for (std::sregex_iterator link(text.begin(), text.end(), kLink), end; link != end; ++link) {
    links.insert((*link)[1]);
  }
  return links;
}

TEST(PageAssetsTest, EveryFileThatOneNeedsIsThere) {
  std::set<std::string> seen;
  std::vector<const PageAsset*> unread = {FindPageAsset("/"), &LoginPage()};
  while (!unread.empty()) {
    const PageAsset& asset = *unread.back();
    unread.pop_back();
    EXPECT_FALSE(asset.content.empty()) << asset.path;
    for (const std::string& link : LinksOf(asset.content)) {
      const bool probe = link == "/metrics" || link == "/healthz" || link == "/readyz";
      if (probe || !seen.insert(link).second) continue;
      ASSERT_NE(FindPageAsset(link), nullptr) << link;
      unread.push_back(FindPageAsset(link));
    }
  }
  EXPECT_EQ(seen.size(), 12u);
}

TEST(PageAssetsTest, NothingIsInlineOrFromElsewhere) {
  static const std::regex kForbidden(
      "<style|<script>| style=| on[a-z]+=|https?://(?!www\\.w3\\.org)");
  for (const std::string_view file :
       {FindPageAsset("/")->content, LoginPage().content, FindPageAsset("/status.css")->content,
        FindPageAsset("/icon.svg")->content}) {
    EXPECT_FALSE(std::regex_search(std::string(file), kForbidden));
  }
}

}  // namespace
}  // namespace siskin::admin
