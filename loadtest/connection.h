// The way to the server: connections, and what the server says about its model.
#ifndef SISKIN_LOADTEST_CONNECTION_H_
#define SISKIN_LOADTEST_CONNECTION_H_

#include <grpcpp/channel.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "loadtest/options.h"

namespace siskin::loadtest {

// options.connections channels, each with a TCP connection of its own, all connected.
// UNAVAILABLE if the server is not there within options.timeout.
absl::StatusOr<std::vector<std::shared_ptr<grpc::Channel>>> Connect(const Options& options);

// [3, H, W] of the model's input, from the Open Inference Protocol's ModelMetadata.
absl::StatusOr<std::vector<int64_t>> AskForShape(const Options& options,
                                                 const std::shared_ptr<grpc::Channel>& channel);

}  // namespace siskin::loadtest

#endif  // SISKIN_LOADTEST_CONNECTION_H_
