// The binary as a supervisor sees it: what it prints, how it takes signals, how it exits.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/server/cli/cli_fixture.h"

namespace siskin::cli {
namespace {

using ::siskin::testing::kTinyModel;
using ::siskin::testing::RunCli;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

// A `siskin serve` of its own process, of which one stream is read.
class ServeProcess {
 public:
  explicit ServeProcess(std::vector<std::string> flags, int stream = STDOUT_FILENO) {
    std::vector<std::string> arguments = {SISKIN_BINARY, "serve",       "--random-model",
                                          kTinyModel,    "--log-level", "error"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    // The binary does not have the options that make this test meaningful under ThreadSanitizer
    // (see tsan_options.cc); the same server runs under it in server_app_test.cc.
    setenv("TSAN_OPTIONS", "report_bugs=0", /*overwrite=*/0);
    std::array<int, 2> pipe_ends;
    EXPECT_EQ(pipe2(pipe_ends.data(), O_CLOEXEC), 0);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(pipe_ends[1], stream);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(pipe_ends[1]);
    out_ = fdopen(pipe_ends[0], "r");
  }

  ~ServeProcess() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      Wait();
    }
    fclose(out_);
  }

  // The next line of the stream, without its end; "" at the end.
  std::string ReadLine() {
    std::string line;
    for (int c = fgetc(out_); c != EOF && c != '\n'; c = fgetc(out_)) {
      line += static_cast<char>(c);
    }
    return line;
  }

  void Send(int signal) { ASSERT_EQ(kill(pid_, signal), 0); }

  // The exit code, or minus the signal that ended it.
  int Wait() {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
  FILE* out_ = nullptr;
};

// "listening grpc=HOST:PORT admin=..." -> "HOST:PORT"
std::string GrpcAddress(const std::string& line) {
  const size_t start = line.find("grpc=") + 5;
  return line.substr(start, line.find(' ', start) - start);
}

class ServeSignalTest : public ::testing::TestWithParam<int> {};

TEST_P(ServeSignalTest, ExitsWithZeroAfterDraining) {
  ServeProcess server({"--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0"});
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
  ServeProcess server({"--grpc", "127.0.0.1:0", "--admin", "off", "--drain-delay", "600"});
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
  ServeProcess first({"--grpc", "127.0.0.1:0", "--admin", "off"});
  const std::string address = GrpcAddress(first.ReadLine());
  ServeProcess second({"--grpc", address, "--admin", "off"}, STDERR_FILENO);
  EXPECT_THAT(second.ReadLine(), StartsWith("siskin: cannot listen on " + address));
  EXPECT_EQ(second.ReadLine(), "");
  EXPECT_EQ(second.Wait(), 1);
}

}  // namespace
}  // namespace siskin::cli
