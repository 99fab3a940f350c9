// What the three examples share: their arguments, PHOTO [MODEL [SERVER]], and a call.
#ifndef SISKIN_EXAMPLES_CPP_CLIENT_H_
#define SISKIN_EXAMPLES_CPP_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

struct Arguments {
  Arguments(int argc, char** argv)
      : model(argc > 2 ? argv[2] : ""),
        channel(grpc::CreateChannel(argc > 3 ? argv[3] : "localhost:8001",
                                    grpc::InsecureChannelCredentials())) {
    std::ifstream file(argc > 1 ? argv[1] : "", std::ios::binary);
    if (!file) {
      std::cerr << "usage: " << argv[0] << " PHOTO [MODEL [SERVER]]\n";
      std::exit(2);
    }
    photo.assign(std::istreambuf_iterator<char>(file), {});
  }

  std::string photo;
  std::string model;
  std::shared_ptr<grpc::Channel> channel;
};

// A unary call with five seconds to answer; ends the program with the error if there is one.
template <typename Response, typename Stub, typename Request>
Response Call(Stub& stub,
              grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
              const Request& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  Response response;
  if (const grpc::Status status = (stub.*method)(&context, request, &response); !status.ok()) {
    std::cerr << status.error_message() << "\n";
    std::exit(1);
  }
  return response;
}

#endif  // SISKIN_EXAMPLES_CPP_CLIENT_H_
