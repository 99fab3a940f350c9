// A connection to a server, made before the first call so that "nobody is there" is told apart from
// "it refused".
#ifndef SISKIN_SERVER_CLI_REMOTE_CHANNEL_H_
#define SISKIN_SERVER_CLI_REMOTE_CHANNEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace grpc {
class Channel;
}

namespace siskin::cli {

inline constexpr char kDefaultServer[] = "127.0.0.1:8001";

// Connects to `address` ("host:port") without a proxy and without TLS. Returns as soon as the
// connection stands or was refused, at `deadline` at the latest.
// UNAVAILABLE: no server there; says how to start one.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const std::string& address,
                                                       absl::Time deadline);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_REMOTE_CHANNEL_H_
