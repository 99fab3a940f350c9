// A program that a test starts and ends.
#ifndef SISKIN_TESTS_SERVER_CLI_CHILD_PROCESS_H_
#define SISKIN_TESTS_SERVER_CLI_CHILD_PROCESS_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace siskin::testing {

// One of its streams is read. It is killed at the end if it still runs.
class ChildProcess {
 public:
  explicit ChildProcess(std::vector<std::string> arguments, int stream = STDOUT_FILENO) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    // Siskin's binary does not have the options that make a test meaningful under ThreadSanitizer
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

  ~ChildProcess() {
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

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_SERVER_CLI_CHILD_PROCESS_H_
