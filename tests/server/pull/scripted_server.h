// An HTTP server that answers exactly what a test says, be it wrong.
#ifndef SISKIN_TESTS_SERVER_PULL_SCRIPTED_SERVER_H_
#define SISKIN_TESTS_SERVER_PULL_SCRIPTED_SERVER_H_

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace siskin::testing {

// On a free port of the loopback. Each connection gets one request's answer and is then closed, the
// n-th connection the n-th answer; with none left, connections are closed without one.
class ScriptedServer {
 public:
  struct Answer {
    std::string bytes;   // from "HTTP/1.1 200 OK\r\n" on
    bool stall = false;  // stay connected until the server ends
  };

  explicit ScriptedServer(std::vector<Answer> answers);
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::string Url(const std::string& path) const;
  // The headers of the requests so far, as they came.
  std::vector<std::string> requests();

 private:
  void Serve();
  void Handle(int connection, const Answer& answer);

  const std::vector<Answer> answers_;
  int listener_ = -1;
  int port_ = 0;
  std::vector<int> stalled_;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

// An answer with a Content-Length, and perhaps further headers, each ended by "\r\n".
ScriptedServer::Answer Reply(int status, const std::string& body, const std::string& headers = "");

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_SERVER_PULL_SCRIPTED_SERVER_H_
