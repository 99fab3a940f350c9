#include "loadtest/cpu.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "server/admin/admin_server.h"

namespace siskin::loadtest {
namespace {

constexpr char kMetrics[] =
    "# HELP process_cpu_seconds_total CPU time.\n"
    "# TYPE process_cpu_seconds_total counter\n"
    "process_cpu_seconds_total_other 9\n"
    "process_cpu_seconds_total 12.5\n"
    "siskin_requests_total{code=\"OK\"} 3\n";

class ServerCpuTest : public ::testing::Test {
 protected:
  // The address of an admin server that exposes `metrics`.
  std::string Serve(const std::string& metrics) {
    auto server = admin::AdminServer::Start(
        "127.0.0.1:0", {.metrics = [metrics] { return metrics; }, .ready = [] { return true; }});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    return absl::StrCat("127.0.0.1:", server_->port());
  }

  std::unique_ptr<admin::AdminServer> server_;
};

TEST(FindSampleTest, ReadsTheSampleOfExactlyThatName) {
  EXPECT_EQ(FindSample(kMetrics, "process_cpu_seconds_total").value(), 12.5);
  EXPECT_EQ(FindSample(kMetrics, "process_cpu").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(FindSample("x nonsense\n", "x").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(FindSample("", "x").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ServerCpuTest, ReadsItFromTheMetrics) {
  const auto seconds = ServerCpuSeconds(Serve(kMetrics));
  ASSERT_TRUE(seconds.ok()) << seconds.status();
  EXPECT_EQ(*seconds, 12.5);
}

TEST_F(ServerCpuTest, SaysWhatIsMissing) {
  const auto seconds = ServerCpuSeconds(Serve("other 1\n"));
  EXPECT_EQ(seconds.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(seconds.status().message().find("process_cpu_seconds_total"), std::string::npos);
}

TEST_F(ServerCpuTest, SaysWhoIsNotThere) {
  const std::string address = Serve("");
  server_.reset();
  const auto seconds = ServerCpuSeconds(address);
  EXPECT_EQ(seconds.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(seconds.status().message().find(address), std::string::npos);
}

TEST_F(ServerCpuTest, RefusesAnAddressWithoutPort) {
  for (const char* address : {"localhost", "localhost:", "localhost:http", ""}) {
    EXPECT_EQ(ServerCpuSeconds(address).status().code(), absl::StatusCode::kInvalidArgument)
        << address;
  }
}

TEST(ClientCpuTest, GrowsWithWork) {
  const double before = ClientCpuSeconds();
  while (ClientCpuSeconds() <= before) {
  }
  EXPECT_GT(ClientCpuSeconds(), before);
}

}  // namespace
}  // namespace siskin::loadtest
