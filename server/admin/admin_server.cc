#include "server/admin/admin_server.h"

#include <arpa/inet.h>
#include <civetweb.h>

#include <atomic>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace siskin::admin {
namespace {

constexpr char kPlainText[] = "text/plain; charset=utf-8";
constexpr char kExposition[] = "text/plain; version=0.0.4; charset=utf-8";

struct Answer {
  int status = 200;
  const char* content_type = kPlainText;
  std::string body;
};

// civetweb's own syntax has lists, TLS and redirect suffixes: none of them may slip through.
absl::Status CheckAddress(const std::string& address) {
  const auto invalid = [&](std::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("Admin address '", address,
                                                   "': ", std::string(why),
                                                   "; expected HOST:PORT such as 127.0.0.1:8002"));
  };
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return invalid("host or port is missing");
  const std::string host = address.substr(0, colon);
  const std::string port = address.substr(colon + 1);
  int number = 0;
  if (port.find_first_not_of("0123456789") != std::string::npos ||
      !absl::SimpleAtoi(port, &number) || number > 65535) {
    return invalid("the port is not a number from 0 to 65535");
  }
  constexpr char kDigitsAndDot[] = "0123456789.";
  constexpr char kNameCharacters[] =
      "0123456789.-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  in_addr unused;
  if (host.find_first_not_of(kNameCharacters) != std::string::npos ||
      (host.find_first_not_of(kDigitsAndDot) == std::string::npos &&
       inet_pton(AF_INET, host.c_str(), &unused) != 1)) {
    return invalid("the host is neither an IPv4 address nor a name");
  }
  return absl::OkStatus();
}

class CivetAdminServer final : public AdminServer {
 public:
  explicit CivetAdminServer(AdminHandlers handlers) : handlers_(std::move(handlers)) {}
  ~CivetAdminServer() override {
    if (context_ != nullptr) Stop();
  }

  absl::Status Listen(const std::string& address) {
    static const unsigned initialised = mg_init_library(MG_FEATURES_DEFAULT);
    (void)initialised;
    mg_callbacks callbacks = {};
    callbacks.begin_request = &CivetAdminServer::OnRequest;
    callbacks.log_message = &CivetAdminServer::OnLog;
    const char* options[] = {"listening_ports",
                             address.c_str(),  //
                             "num_threads",
                             "2",  //
                             "request_timeout_ms",
                             "5000",  //
                             "enable_keep_alive",
                             "no",  //
                             nullptr};
    mg_init_data init = {&callbacks, this, options};
    mg_error_data error = {};
    context_ = mg_start2(&init, &error);
    mg_server_port bound = {};
    if (context_ == nullptr || mg_get_server_ports(context_, 1, &bound) != 1) {
      return absl::UnavailableError(absl::StrCat("Cannot serve admin HTTP on ", address, ": ",
                                                 start_error_.empty() ? "unknown" : start_error_,
                                                 "; choose another address"));
    }
    host_ = address.substr(0, address.rfind(':'));
    port_ = bound.port;
    return absl::OkStatus();
  }

  int port() const override { return port_; }

 private:
  static CivetAdminServer& Self(const mg_connection* connection) {
    return *static_cast<CivetAdminServer*>(mg_get_user_data(mg_get_context(connection)));
  }

  // civetweb looks whether to stop after each connection, and every two seconds. Connecting to
  // ourselves until we are refused makes it look now.
  void Stop() {
    std::atomic<bool> stopped = false;
    std::thread stop([&] {
      mg_stop(context_);
      stopped = true;
    });
    while (!stopped) {
      char unused[64];
      mg_connection* wake = mg_connect_client(host_.c_str(), port_, 0, unused, sizeof(unused));
      if (wake == nullptr) break;
      mg_close_connection(wake);
    }
    stop.join();
  }

  // Keeps the first complaint of the starting thread, which names the cause. Those of the workers
  // are about clients that went away, which is no fault of ours.
  static int OnLog(const mg_connection* connection, const char* message) {
    CivetAdminServer& self = Self(connection);
    if (std::this_thread::get_id() == self.starter_ && self.start_error_.empty()) {
      self.start_error_ = message;
    }
    return 1;
  }

  static int OnRequest(mg_connection* connection) {
    const mg_request_info& request = *mg_get_request_info(connection);
    const std::string_view method = request.request_method;
    const char* path = request.local_uri == nullptr ? "*" : request.local_uri;
    const Answer answer = Self(connection).Handle(method, path);
    return Send(connection, answer, /*with_body=*/method != "HEAD");
  }

  Answer Handle(std::string_view method, std::string_view path) const {
    const bool known = path == "/metrics" || path == "/healthz" || path == "/readyz";
    if (!known) {
      return {404, kPlainText, "No such page. There are /metrics, /healthz and /readyz.\n"};
    }
    if (method != "GET" && method != "HEAD") {
      return {405, kPlainText, "This page is read only: use GET or HEAD.\n"};
    }
    if (path == "/metrics") return {200, kExposition, handlers_.metrics()};
    if (path == "/healthz" || handlers_.ready()) return {200, kPlainText, "ok\n"};
    return {503, kPlainText, "Not ready: a model is not ready, or the server is draining.\n"};
  }

  static int Send(mg_connection* connection, const Answer& answer, bool with_body) {
    mg_printf(connection,
              "HTTP/1.1 %d %s\r\n"
              "Content-Type: %s\r\n"
              "Content-Length: %zu\r\n"
              "%s"
              "Cache-Control: no-store\r\n"
              "Connection: close\r\n\r\n",
              answer.status, mg_get_response_code_text(connection, answer.status),
              answer.content_type, answer.body.size(),
              answer.status == 405 ? "Allow: GET, HEAD\r\n" : "");
    if (with_body) mg_write(connection, answer.body.data(), answer.body.size());
    return answer.status;
  }

  const AdminHandlers handlers_;
  mg_context* context_ = nullptr;
  std::string host_;
  int port_ = 0;
  const std::thread::id starter_ = std::this_thread::get_id();
  std::string start_error_;  // civetweb's words; used by starter_ alone
};

}  // namespace

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const std::string& address,
                                                                AdminHandlers handlers) {
  if (absl::Status status = CheckAddress(address); !status.ok()) return status;
  auto server = std::make_unique<CivetAdminServer>(std::move(handlers));
  if (absl::Status status = server->Listen(address); !status.ok()) return status;
  return server;
}

}  // namespace siskin::admin
