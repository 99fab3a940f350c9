// The requests to send, serialised once: every call shares the same reference-counted bytes.
#ifndef SISKIN_LOADTEST_PAYLOAD_H_
#define SISKIN_LOADTEST_PAYLOAD_H_

#include <grpcpp/support/byte_buffer.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "loadtest/options.h"

namespace siskin::loadtest {

struct Payload {
  std::string id;  // of the request; the answer must carry it too
  grpc::ByteBuffer request;
};

// One payload per image file, or a few different tensors of options.shape.
// NOT_FOUND for a file that cannot be read. REQUIRES: options.shape is set for tensors.
absl::StatusOr<std::vector<Payload>> MakePayloads(const Options& options);

}  // namespace siskin::loadtest

#endif  // SISKIN_LOADTEST_PAYLOAD_H_
