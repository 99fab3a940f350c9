// Labels of a photo: example_classify PHOTO [MODEL [SERVER]]
#include <iostream>

#include "client.h"
#include "siskin/v1/classifier.grpc.pb.h"

int main(int argc, char** argv) {
  using siskin::v1::Classifier;
  Arguments arguments(argc, argv);
  siskin::v1::ClassifyRequest request;
  request.set_model(arguments.model);
  request.set_image(std::move(arguments.photo));
  request.set_top_k(3);
  Classifier::Stub stub(arguments.channel);
  const auto answer = Call(stub, &Classifier::Stub::Classify, request);
  for (const auto& best : answer.classifications()) {
    std::cout << 100 * best.probability() << " %  " << best.label() << " (" << best.index()
              << ")\n";
  }
}
