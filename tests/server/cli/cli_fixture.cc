#include "tests/server/cli/cli_fixture.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <png.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "models/model_loader.h"
#include "ops/checkpoint.h"
#include "ops/plan.h"
#include "ops/rewrite.h"
#include "server/cli/commands.h"

namespace siskin::testing {
namespace {

namespace fs = std::filesystem;

models::BoundModel TinyModel() {
  models::LoadRequest request;
  request.architecture = kTinyModel;
  request.key_style = "timm";  // the names that parameters have in a graph
  absl::StatusOr<models::BoundModel> model = models::RandomModel(request, /*seed=*/7);
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

std::vector<float> RunPlan(const ops::Graph& graph, int batch, const std::vector<float>& input) {
  const auto optimised = ops::Optimize(graph);
  EXPECT_TRUE(optimised.ok()) << optimised.status();
  const auto plan = ops::Plan::Compile(*optimised, {.batch_size = batch}, ops::MakePackedWeights());
  EXPECT_TRUE(plan.ok()) << plan.status();
  ops::Arena arena((*plan)->arena_bytes());
  const auto workspace = (*plan)->MakeWorkspace(arena.bytes());
  EXPECT_TRUE(workspace.ok()) << workspace.status();
  std::copy(input.begin(), input.end(), (*workspace)->input().begin());
  EXPECT_TRUE((*plan)->Run(**workspace).ok());
  return {(*workspace)->output().begin(), (*workspace)->output().end()};
}

}  // namespace

CliResult RunCli(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "siskin");
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::ostringstream out;
  std::ostringstream err;
  const int code =
      cli::RunSiskin(static_cast<int>(argv.size()), argv.data(), {.out = out, .err = err});
  return {code, out.str(), err.str()};
}

TempFolder::TempFolder() {
  std::string pattern = (fs::temp_directory_path() / "siskin_cli_XXXXXX").string();
  path_ = mkdtemp(pattern.data());
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void WriteText(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

void WritePng(const std::string& path, int side) {
  fs::create_directories(fs::path(path).parent_path());
  std::vector<uint8_t> pixels(static_cast<size_t>(side) * side * 3);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 37);
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = side;
  image.height = side;
  image.format = PNG_FORMAT_RGB;
  ASSERT_NE(png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, nullptr), 0);
}

void WriteTinyCheckpoint(const std::string& path) {
  fs::create_directories(fs::path(path).parent_path());
  const models::BoundModel model = TinyModel();
  std::vector<ops::NamedTensor> tensors;
  for (const ops::Parameter& parameter : model.graph.parameters) {
    tensors.push_back({parameter.key, parameter.shape, parameter.data.values()});
  }
  const absl::Status written = ops::WriteCheckpoint(
      path, tensors, {{"architecture", "mobilenet_v1"}, {"input_size", "128x128"}});
  ASSERT_TRUE(written.ok()) << written;
}

void WriteGolden(const std::string& path, float scale) {
  const models::BoundModel model = TinyModel();
  const ops::Shape in = model.graph.input_shape();
  std::vector<float> input(2 * in.elements());
  for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i % 251) / 125 - 1;
  std::vector<float> logits = RunPlan(model.graph, 2, input);
  for (float& logit : logits) logit *= scale;
  const int64_t classes = model.graph.output_shape().channels;
  const absl::Status written = ops::WriteCheckpoint(
      path,
      {{"input", {2, in.channels, in.height, in.width}, input}, {"logits", {2, classes}, logits}},
      {});
  ASSERT_TRUE(written.ok()) << written;
}

RefusingPort::RefusingPort() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  // Bound but not listening.
  EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = ntohs(address.sin_port);
}

RefusingPort::~RefusingPort() { close(socket_); }

std::string RefusingPort::address() const { return absl::StrCat("127.0.0.1:", port_); }

}  // namespace siskin::testing
