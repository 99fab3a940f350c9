#include "server/admin/admin_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tests/server/admin/http_get.h"

namespace siskin::admin {
namespace {

using ::siskin::testing::Connection;
using ::siskin::testing::HttpGet;
using ::siskin::testing::HttpPost;
using ::siskin::testing::ParseHttpResponse;
using HttpAnswer = ::siskin::testing::HttpResponse;
using ::testing::HasSubstr;

class AdminServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = AdminServer::Start("127.0.0.1:0", {.metrics = [this] { return exposition_; },
                                                     .ready = [this] { return ready_.load(); },
                                                     .page = &AdminServerTest::Page});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  // /echo answers with what it was asked; there is no other page.
  static std::optional<HttpResponse> Page(const HttpRequest& request) {
    if (request.path != "/echo") return std::nullopt;
    const std::optional<std::string> body =
        request.content_length < 0 ? "none" : request.read_body();
    return HttpResponse{
        .body =
            absl::StrCat(std::string(request.method), " ", std::string(request.query), " ",
                         std::string(request.Header("X-TEST")), " ", body.value_or("incomplete")),
        .headers = {{"X-Answer", "yes"}}};
  }

  const std::string exposition_ = "# TYPE siskin_up gauge\nsiskin_up 1\n";
  std::atomic<bool> ready_ = true;
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, PicksAFreePort) {
  EXPECT_GT(server_->port(), 0);
  EXPECT_LE(server_->port(), 65535);
}

TEST_F(AdminServerTest, ServesTheExposition) {
  const HttpAnswer response = HttpGet(server_->port(), "/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.headers, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_THAT(response.headers,
              HasSubstr(absl::StrCat("Content-Length: ", exposition_.size(), "\r\n")));
  EXPECT_EQ(response.body, exposition_);
}

TEST_F(AdminServerTest, IgnoresAQueryString) {
  EXPECT_EQ(HttpGet(server_->port(), "/metrics?name=up").body, exposition_);
}

TEST_F(AdminServerTest, HealthzDoesNotDependOnReadiness) {
  ready_ = false;
  EXPECT_EQ(HttpGet(server_->port(), "/healthz").status, 200);
}

TEST_F(AdminServerTest, ReadyzFollowsReadiness) {
  EXPECT_EQ(HttpGet(server_->port(), "/readyz").status, 200);
  ready_ = false;
  const HttpAnswer response = HttpGet(server_->port(), "/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("Not ready"));
}

TEST_F(AdminServerTest, HeadHasHeadersOnly) {
  const HttpAnswer response = siskin::testing::HttpRequest(server_->port(), "HEAD", "/metrics");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.headers,
              HasSubstr(absl::StrCat("Content-Length: ", exposition_.size(), "\r\n")));
  EXPECT_EQ(response.body, "");
}

TEST_F(AdminServerTest, OtherMethodsAreRefused) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    const HttpAnswer response = siskin::testing::HttpRequest(server_->port(), method, "/metrics");
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_THAT(response.headers, HasSubstr("Allow: GET, HEAD\r\n")) << method;
    EXPECT_THAT(response.body, HasSubstr("use GET or HEAD")) << method;
  }
}

TEST_F(AdminServerTest, OtherPathsAreNotFound) {
  for (const char* path : {"/", "/metrics/", "/metricsx", "/METRICS", "/etc/passwd",
                           "/../../etc/passwd", "/healthz/../x"}) {
    const HttpAnswer response = HttpGet(server_->port(), path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_THAT(response.body, HasSubstr("There are /metrics")) << path;
  }
}

TEST_F(AdminServerTest, APageSeesQueryHeadersAndBody) {
  const HttpAnswer get =
      siskin::testing::HttpRequest(server_->port(), "GET", "/echo?a=b%20c&d", "X-Test: header\r\n");
  EXPECT_EQ(get.status, 200);
  EXPECT_EQ(get.body, "GET a=b%20c&d header none");
  EXPECT_THAT(get.headers, HasSubstr("\r\nX-Answer: yes\r\n"));
  EXPECT_EQ(HttpPost(server_->port(), "/echo", "a photo").body, "POST   a photo");
  EXPECT_EQ(HttpPost(server_->port(), "/echo", "").body, "POST   ");
}

TEST_F(AdminServerTest, ALargeBodyArrivesWhole) {
  std::string body(3 << 20, 'x');
  for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i % 23);
  EXPECT_TRUE(HttpPost(server_->port(), "/echo", body).body == "POST   " + body);
}

TEST_F(AdminServerTest, ABodyThatEndsEarlyIsNone) {
  Connection connection(server_->port());
  ASSERT_TRUE(connection.Write("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123"));
  connection.EndWriting();
  EXPECT_EQ(ParseHttpResponse(connection.ReadAll()).body, "POST   incomplete");
}

TEST_F(AdminServerTest, EveryAnswerForbidsWhatIsNotOurs) {
  for (const char* path : {"/metrics", "/healthz", "/echo", "/nowhere"}) {
    const std::string headers = HttpGet(server_->port(), path).headers;
    EXPECT_THAT(headers,
                HasSubstr("Content-Security-Policy: default-src 'none'; script-src 'self'"));
    EXPECT_THAT(headers, HasSubstr("frame-ancestors 'none'"));
    EXPECT_THAT(headers, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
    EXPECT_THAT(headers, HasSubstr("Referrer-Policy: no-referrer\r\n"));
    EXPECT_THAT(headers, HasSubstr("Cache-Control: no-store\r\n"));
    EXPECT_THAT(headers, ::testing::Not(HasSubstr("Access-Control-Allow")));
  }
}

TEST_F(AdminServerTest, ATargetNeedNotBeAPath) {
  EXPECT_NE(siskin::testing::HttpRequest(server_->port(), "OPTIONS", "*").status, 200);
  EXPECT_NE(siskin::testing::HttpRequest(server_->port(), "GET", "*").status, 200);
  EXPECT_NE(siskin::testing::HttpRequest(server_->port(), "CONNECT", "localhost:80").status, 200);
  EXPECT_EQ(HttpGet(server_->port(), "/healthz").status, 200);
}

TEST_F(AdminServerTest, GarbageIsAnsweredWithAnErrorAndServingGoesOn) {
  const std::vector<std::string> requests = {
      "\r\n\r\n",
      "GET\r\n\r\n",
      "GET /metrics HTTP/9.9\r\n\r\n",
      std::string(64, '\0') + "\r\n\r\n",
      "GET /metrics HTTP/1.1\r\nX: " + std::string(100000, 'a') + "\r\n\r\n",
      "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"};
  for (const std::string& request : requests) {
    Connection connection(server_->port());
    ASSERT_TRUE(connection.connected());
    connection.Write(request);
    const HttpAnswer response = ParseHttpResponse(connection.ReadAll());
    EXPECT_NE(response.status, 200) << request.substr(0, 80);
    EXPECT_EQ(HttpGet(server_->port(), "/healthz").status, 200) << request.substr(0, 80);
  }
}

TEST_F(AdminServerTest, AStalledClientDoesNotBlockAnother) {
  Connection stalled(server_->port());
  ASSERT_TRUE(stalled.Write("GET /metr"));
  EXPECT_EQ(HttpGet(server_->port(), "/healthz").status, 200);
}

TEST_F(AdminServerTest, ServesManyClientsAtOnce) {
  constexpr int kClients = 8;
  constexpr int kRequests = 10;
  std::atomic<int> served = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      for (int j = 0; j < kRequests; ++j) {
        if (HttpGet(server_->port(), "/metrics").body == exposition_) ++served;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(served, kClients * kRequests);
}

TEST_F(AdminServerTest, StopsListeningOnDestruction) {
  const int port = server_->port();
  server_.reset();
  EXPECT_FALSE(Connection(port).connected());
}

absl::Status StartStatus(const std::string& address) {
  return AdminServer::Start(address,
                            {.metrics = [] { return std::string(); }, .ready = [] { return true; }})
      .status();
}

TEST_F(AdminServerTest, ATakenAddressIsUnavailable) {
  const std::string address = absl::StrCat("127.0.0.1:", server_->port());
  const absl::Status status = StartStatus(address);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(address));
  EXPECT_THAT(std::string(status.message()), HasSubstr("already in use"));
}

TEST(AdminServerAddressTest, AcceptsAName) {
  EXPECT_EQ(StartStatus("localhost:0"), absl::OkStatus());
}

TEST(AdminServerAddressTest, RefusesWhatIsNotHostAndPort) {
  for (const char* address :
       {"", "8002", ":8002", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
        "127.0.0.1:-1", "127.0.0.1:0s", "127.0.0.1:0,127.0.0.1:0", "999.0.0.1:0", "1.2.3:0",
        "[::1]:0", "a b:0", "127.0.0.1:99999999999999999999"}) {
    const absl::Status status = StartStatus(address);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << address;
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("'", address, "'")));
  }
}

}  // namespace
}  // namespace siskin::admin
