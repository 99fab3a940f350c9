#include "tests/server/pull/scripted_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace siskin::testing {

ScriptedServer::ScriptedServer(std::vector<Answer> answers)
    : answers_(std::move(answers)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(listener_, /*backlog=*/16), 0);
  EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Serve(); });
}

ScriptedServer::~ScriptedServer() {
  shutdown(listener_, SHUT_RDWR);  // wakes accept
  thread_.join();
  close(listener_);
  for (int connection : stalled_) close(connection);
}

std::string ScriptedServer::Url(const std::string& path) const {
  return absl::StrCat("http://127.0.0.1:", port_, path);
}

std::vector<std::string> ScriptedServer::requests() {
  std::lock_guard lock(mutex_);
  return requests_;
}

void ScriptedServer::Serve() {
  for (size_t count = 0;; ++count) {
    const int connection = accept(listener_, nullptr, nullptr);
    if (connection < 0) return;
    if (count < answers_.size()) Handle(connection, answers_[count]);
    if (count < answers_.size() && answers_[count].stall) {
      stalled_.push_back(connection);
    } else {
      close(connection);
    }
  }
}

void ScriptedServer::Handle(int connection, const Answer& answer) {
  std::string request;
  std::array<char, 4096> buffer;
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t got = recv(connection, buffer.data(), buffer.size(), 0);
    if (got <= 0) return;
    request.append(buffer.data(), got);
  }
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(request);
  }
  size_t sent = 0;
  while (sent < answer.bytes.size()) {
    const ssize_t count =
        send(connection, answer.bytes.data() + sent, answer.bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += count;
  }
  if (!answer.stall) shutdown(connection, SHUT_WR);
}

ScriptedServer::Answer Reply(int status, const std::string& body, const std::string& headers) {
  return {absl::StrCat("HTTP/1.1 ", status, " x\r\n", headers, "Content-Length: ", body.size(),
                       "\r\n\r\n", body)};
}

}  // namespace siskin::testing
