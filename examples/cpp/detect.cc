// Faces in a photo: example_detect PHOTO [MODEL [SERVER]]
#include <iostream>

#include "client.h"
#include "siskin/v1/face_detector.grpc.pb.h"

int main(int argc, char** argv) {
  using siskin::v1::FaceDetector;
  Arguments arguments(argc, argv);
  siskin::v1::DetectRequest request;
  request.set_model(arguments.model);
  request.set_image(std::move(arguments.photo));
  FaceDetector::Stub stub(arguments.channel);
  const auto answer = Call(stub, &FaceDetector::Stub::Detect, request);
  std::cout << answer.faces_size() << " faces in " << answer.image_width() << " x "
            << answer.image_height() << " pixels\n";
  for (const auto& face : answer.faces()) {
    const auto& box = face.box();
    std::cout << 100 * face.score() << " %  (" << box.xmin() << ", " << box.ymin() << ") to ("
              << box.xmax() << ", " << box.ymax() << ")\n";
  }
}
