// siskin.v1.FaceDetector: photo in, faces out. Nothing blocks; answers come from the lanes.
#ifndef SISKIN_SERVER_RPC_FACE_DETECTOR_SERVICE_H_
#define SISKIN_SERVER_RPC_FACE_DETECTOR_SERVICE_H_

#include "server/rpc/call.h"
#include "siskin/v1/face_detector.grpc.pb.h"

namespace siskin::rpc {

class FaceDetectorService final : public v1::FaceDetector::CallbackService {
 public:
  explicit FaceDetectorService(const Backend& backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* Detect(grpc::CallbackServerContext* context,
                                   const v1::DetectRequest* request,
                                   v1::DetectResponse* response) override;

 private:
  const Backend backend_;
};

}  // namespace siskin::rpc

#endif  // SISKIN_SERVER_RPC_FACE_DETECTOR_SERVICE_H_
