// Photos to faces through a running server: siskin.v1.FaceDetector without its wire types.
#ifndef SISKIN_SERVER_CLI_DETECT_CLIENT_H_
#define SISKIN_SERVER_CLI_DETECT_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "grpcpp/channel.h"
#include "models/face_decoder.h"
#include "server/cli/photo_call.h"

namespace siskin::cli {

struct Detected : Outcome {
  int width = 0;  // of the upright photo
  int height = 0;
  std::vector<models::Face> faces;  // in its pixels, best first
};

struct DetectOptions {
  float min_score = 0;  // 0: the model's own
  int max_faces = 0;    // 0: all
};

// The returned function finds the faces of a file. Thread-safe.
std::function<Detected(const std::string& file)> MakeFaceDetector(
    const std::shared_ptr<grpc::Channel>& channel, CallOptions options, DetectOptions detect);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_DETECT_CLIENT_H_
