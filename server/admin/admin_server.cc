#include "server/admin/admin_server.h"

#include <arpa/inet.h>
#include <civetweb.h>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"

namespace siskin::admin {
namespace {

constexpr char kExposition[] = "text/plain; version=0.0.4; charset=utf-8";

// Two for probes, metrics and pages, one for the photo that the status page may be busy with.
constexpr char kThreads[] = "3";
constexpr char kStalledMs[] = "5000";
constexpr absl::Duration kBodyTimeout = absl::Seconds(30);

// Nothing is loaded from elsewhere, nothing runs that is not a file of ours, no other page frames
// these.
constexpr char kSecurityHeaders[] =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; "
    "base-uri 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Cache-Control: no-store\r\n";

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
                             kThreads,
                             "request_timeout_ms",
                             kStalledMs,
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
    const HttpRequest request = RequestOf(connection);
    return Send(connection, Self(connection).Handle(request), request.method != "HEAD");
  }

  static HttpRequest RequestOf(mg_connection* connection) {
    const mg_request_info& info = *mg_get_request_info(connection);
    HttpRequest request;
    request.method = info.request_method;
    request.path = info.local_uri == nullptr ? "*" : info.local_uri;
    if (info.query_string != nullptr) request.query = info.query_string;
    for (int i = 0; i < info.num_headers; ++i) {
      request.headers.emplace_back(info.http_headers[i].name, info.http_headers[i].value);
    }
    request.content_length = info.content_length;
    request.read_body = [connection, length = info.content_length] {
      return ReadBody(connection, length);
    };
    return request;
  }

  static std::optional<std::string> ReadBody(mg_connection* connection, int64_t length) {
    constexpr size_t kChunk = size_t{64} << 10;
    const MonotonicTime deadline = Clock::Real().Now() + kBodyTimeout;
    std::string body(static_cast<size_t>(length), '\0');
    for (size_t at = 0; at < body.size();) {
      const int n = mg_read(connection, &body[at], std::min(kChunk, body.size() - at));
      if (n <= 0 || Clock::Real().Now() > deadline) return std::nullopt;
      at += static_cast<size_t>(n);
    }
    return body;
  }

  HttpResponse Handle(const HttpRequest& request) const {
    const std::string_view path = request.path;
    if (path == "/metrics" || path == "/healthz" || path == "/readyz") {
      return request.reads_only() ? Probe(path) : ReadOnly();
    }
    if (handlers_.page != nullptr) {
      if (auto response = handlers_.page(request)) return *std::move(response);
    }
    return {.status = 404, .body = "No such page. There are /metrics, /healthz and /readyz.\n"};
  }

  HttpResponse Probe(std::string_view path) const {
    if (path == "/metrics") return {.content_type = kExposition, .body = handlers_.metrics()};
    if (path == "/healthz" || handlers_.ready()) return {.body = "ok\n"};
    return {.status = 503, .body = "Not ready: a model is not ready, or the server is draining.\n"};
  }

  static int Send(mg_connection* connection, const HttpResponse& response, bool with_body) {
    std::string head = absl::StrCat("HTTP/1.1 ", response.status, " ",
                                    mg_get_response_code_text(connection, response.status),
                                    "\r\nContent-Type: ", response.content_type,
                                    "\r\nContent-Length: ", response.body.size(), "\r\n");
    for (const auto& [name, value] : response.headers) {
      absl::StrAppend(&head, name, ": ", value, "\r\n");
    }
    absl::StrAppend(&head, kSecurityHeaders, "Connection: close\r\n\r\n");
    mg_write(connection, head.data(), head.size());
    if (with_body) mg_write(connection, response.body.data(), response.body.size());
    return response.status;
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
