// The HTTP side door: /metrics, /healthz (the process lives), /readyz (every model is ready and the
// server is not draining). GET and HEAD only; anything else is 404 or 405 with a sentence.
//
// Plain text, no state. civetweb underneath (it comes with prometheus-cpp). Two requests at a time,
// a connection a request; a client that stalls is dropped after five seconds.
#ifndef SISKIN_SERVER_ADMIN_ADMIN_SERVER_H_
#define SISKIN_SERVER_ADMIN_ADMIN_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace siskin::admin {

// Both are required, and called from the server's threads, two at a time.
struct AdminHandlers {
  std::function<std::string()> metrics;  // the exposition
  std::function<bool()> ready;           // /readyz: 200 or 503
};

class AdminServer {
 public:
  // `address` is "host:port", host an IPv4 address or a name; port 0 picks a free one.
  // INVALID_ARGUMENT if it is not of that form, UNAVAILABLE if it cannot be bound.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const std::string& address,
                                                            AdminHandlers handlers);
  virtual ~AdminServer() = default;  // stops and joins
  virtual int port() const = 0;
};

}  // namespace siskin::admin

#endif  // SISKIN_SERVER_ADMIN_ADMIN_SERVER_H_
