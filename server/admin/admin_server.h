// The HTTP side door: /metrics, /healthz (the process lives), /readyz (every model is ready and the
// server is not draining), GET and HEAD only; and, unless it is off, the status page with what
// belongs to it (status_page.h). Anything else is 404 or 405 with a sentence.
//
// civetweb underneath (it comes with prometheus-cpp). Three requests at a time, a connection a
// request; a client that stalls is dropped after five seconds, a body that takes longer than thirty
// is refused. Of the three, the status page holds at most one for a photo: probes and metrics are
// answered by the others meanwhile.
//
// Who may do what: whoever reaches the address may read metrics and probes. The status page may ask
// for a token (access.h). There is no TLS here: keep the address inside, or behind a proxy. Every
// answer forbids the browser to load, run or embed anything that is not this server's own file, and
// no answer is cached.
#ifndef SISKIN_SERVER_ADMIN_ADMIN_SERVER_H_
#define SISKIN_SERVER_ADMIN_ADMIN_SERVER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/admin/http.h"

namespace siskin::admin {

// Called from the server's threads, three at a time.
struct AdminHandlers {
  std::function<std::string()> metrics;  // the exposition
  std::function<bool()> ready;           // /readyz: 200 or 503
  // All other paths; nothing: no such page. May be null.
  std::function<std::optional<HttpResponse>(const HttpRequest&)> page = nullptr;
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
