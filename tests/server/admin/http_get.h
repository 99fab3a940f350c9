// A blocking HTTP/1.1 client for tests: one request, one connection, read to its end.
#ifndef SISKIN_TESTS_SERVER_ADMIN_HTTP_GET_H_
#define SISKIN_TESTS_SERVER_ADMIN_HTTP_GET_H_

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace siskin::testing {

// A TCP connection to 127.0.0.1, closed on destruction.
class Connection {
 public:
  explicit Connection(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        fd_ >= 0 && connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Connection() {
    if (fd_ >= 0) close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool connected() const { return connected_; }

  bool Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  // The server reads an end.
  void EndWriting() { shutdown(fd_, SHUT_WR); }

  // Until the server closes.
  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    for (ssize_t n; (n = recv(fd_, buffer, sizeof(buffer), 0)) > 0;) {
      all.append(buffer, static_cast<size_t>(n));
    }
    return all;
  }

 private:
  int fd_;
  bool connected_ = false;
};

struct HttpResponse {
  int status = 0;       // 0: no answer that can be read
  std::string headers;  // the status line and the header lines
  std::string body;
};

inline HttpResponse ParseHttpResponse(const std::string& bytes) {
  HttpResponse response;
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string::npos || bytes.rfind("HTTP/1.1 ", 0) != 0) return response;
  response.status = std::atoi(bytes.c_str() + 9);
  response.headers = bytes.substr(0, end + 2);
  response.body = bytes.substr(end + 4);
  return response;
}

// `headers`: whole lines, each with its "\r\n".
inline HttpResponse HttpRequest(int port, std::string_view method, std::string_view target,
                                std::string_view headers = "", std::string_view body = "") {
  Connection connection(port);
  std::string request(method);
  request.append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
  request.append(headers).append("\r\n").append(body);
  if (!connection.connected() || !connection.Write(request)) return {};
  return ParseHttpResponse(connection.ReadAll());
}

inline HttpResponse HttpGet(int port, std::string_view target) {
  return HttpRequest(port, "GET", target);
}

// As the status page's own script sends it.
inline HttpResponse HttpPost(int port, std::string_view target, std::string_view body) {
  const std::string headers = "X-Requested-With: test\r\nContent-Length: ";
  return HttpRequest(port, "POST", target, headers + std::to_string(body.size()) + "\r\n", body);
}

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_SERVER_ADMIN_HTTP_GET_H_
