// The binary as a supervisor sees it: what it prints, how it takes signals, how it exits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/server/cli/child_process.h"
#include "tests/server/cli/cli_fixture.h"

namespace siskin::cli {
namespace {

using ::siskin::testing::ChildProcess;
using ::siskin::testing::kTinyModel;
using ::siskin::testing::RunCli;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

std::vector<std::string> Serve(const std::vector<std::string>& flags) {
  std::vector<std::string> arguments = {SISKIN_BINARY, "serve",       "--random-model",
                                        kTinyModel,    "--log-level", "error"};
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return arguments;
}

// "listening grpc=HOST:PORT admin=..." -> "HOST:PORT"
std::string GrpcAddress(const std::string& line) {
  const size_t start = line.find("grpc=") + 5;
  return line.substr(start, line.find(' ', start) - start);
}

class ServeSignalTest : public ::testing::TestWithParam<int> {};

TEST_P(ServeSignalTest, ExitsWithZeroAfterDraining) {
  ChildProcess server(Serve({"--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"}));
  const std::string line = server.ReadLine();
  EXPECT_THAT(line,
              MatchesRegex("listening grpc=127\\.0\\.0\\.1:[0-9]+ admin=127\\.0\\.0\\.1:[0-9]+"));
  EXPECT_EQ(RunCli({"health", "--server", GrpcAddress(line), "--timeout", "10"}).out, "SERVING\n");
  server.Send(GetParam());
  EXPECT_EQ(server.ReadLine(), "");  // one line only
  EXPECT_EQ(server.Wait(), 0);
}

INSTANTIATE_TEST_SUITE_P(Signals, ServeSignalTest, ::testing::Values(SIGTERM, SIGINT));

TEST(ServeProcessTest, KeepsServingWhileItIsALameDuckAndASecondSignalEndsIt) {
  ChildProcess server(Serve({"--grpc", "127.0.0.1:0", "--admin", "off", "--drain-delay", "600"}));
  const std::string line = server.ReadLine();
  EXPECT_THAT(line, MatchesRegex("listening grpc=127\\.0\\.0\\.1:[0-9]+ admin=off"));
  server.Send(SIGTERM);
  // Readiness goes when the signal is taken; the liveness service answers for another ten minutes.
  while (RunCli({"health", "--server", GrpcAddress(line), "--timeout", "10"}).out == "SERVING\n") {
  }
  EXPECT_EQ(
      RunCli({"health", "--server", GrpcAddress(line), "--service", "liveness", "--timeout", "10"})
          .out,
      "SERVING\n");
  server.Send(SIGTERM);
  EXPECT_EQ(server.Wait(), 1);
}

TEST(ServeProcessTest, ABusyPortIsOneLine) {
  ChildProcess first(Serve({"--grpc", "127.0.0.1:0", "--admin", "off"}));
  const std::string address = GrpcAddress(first.ReadLine());
  ChildProcess second(Serve({"--grpc", address, "--admin", "off"}), STDERR_FILENO);
  EXPECT_THAT(second.ReadLine(), StartsWith("siskin: cannot listen on " + address));
  EXPECT_EQ(second.ReadLine(), "");
  EXPECT_EQ(second.Wait(), 1);
}

}  // namespace
}  // namespace siskin::cli
