#include "server/rpc/face_detector_service.h"

#include "server/rpc/detect_codec.h"

namespace siskin::rpc {

grpc::ServerUnaryReactor* FaceDetectorService::Detect(grpc::CallbackServerContext* context,
                                                      const v1::DetectRequest* message,
                                                      v1::DetectResponse* response) {
  return AnswerUnary(*context, backend_, "Detect", *message, *response, ParseDetectRequest,
                     FillDetectResponse);
}

}  // namespace siskin::rpc
