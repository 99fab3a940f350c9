// Labels by the Open Inference Protocol, as KServe and Triton speak it:
//   example_oip PHOTO MODEL [SERVER]
#include <algorithm>
#include <cstring>
#include <iostream>
#include <vector>

#include "client.h"
#include "inference/grpc_service.grpc.pb.h"

int main(int argc, char** argv) {
  using inference::GRPCInferenceService;
  const Arguments arguments(argc, argv);
  inference::ModelInferRequest request;
  request.set_model_name(arguments.model);
  auto* image = request.add_inputs();
  image->set_name("input");
  image->set_datatype("BYTES");
  image->add_shape(1);
  const uint32_t length = arguments.photo.size();  // little-endian, in front of the bytes
  std::string* raw = request.add_raw_input_contents();
  raw->append(reinterpret_cast<const char*>(&length), sizeof(length)).append(arguments.photo);
  request.add_outputs()->set_name("probabilities");

  GRPCInferenceService::Stub stub(arguments.channel);
  const auto answer = Call(stub, &GRPCInferenceService::Stub::ModelInfer, request);
  const std::string& bytes = answer.raw_output_contents(0);
  std::vector<float> probabilities(bytes.size() / sizeof(float));
  std::memcpy(probabilities.data(), bytes.data(), bytes.size());
  const auto best = std::max_element(probabilities.begin(), probabilities.end());
  std::cout << 100 * *best << " %  class " << best - probabilities.begin() << " of "
            << probabilities.size() << "\n";
}
