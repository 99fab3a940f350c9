// Reads a message out of the bytes a generic call returns.
#ifndef SISKIN_LOADTEST_DESERIALIZE_H_
#define SISKIN_LOADTEST_DESERIALIZE_H_

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

namespace siskin::loadtest {

// `buffer` is emptied. INTERNAL if it does not hold a `Message`.
template <typename Message>
grpc::Status Deserialize(grpc::ByteBuffer& buffer, Message& message) {
  return grpc::SerializationTraits<Message>::Deserialize(&buffer, &message);
}

}  // namespace siskin::loadtest

#endif  // SISKIN_LOADTEST_DESERIALIZE_H_
