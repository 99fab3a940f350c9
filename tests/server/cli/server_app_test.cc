// The whole server in this process, spoken to as a user does.
#include "server/app/server_app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "spdlog/spdlog.h"
#include "tests/server/admin/http_get.h"
#include "tests/server/cli/cli_fixture.h"

namespace siskin::app {
namespace {

using ::siskin::testing::CliResult;
using ::siskin::testing::HttpGet;
using ::siskin::testing::kTinyModel;
using ::siskin::testing::RunCli;
using ::siskin::testing::TempFolder;
using ::siskin::testing::WritePng;
using ::siskin::testing::WriteText;
using ::siskin::testing::WriteTinyCheckpoint;
using ::testing::HasSubstr;

bool Never() { return false; }

ServerOptions LocalOptions() {
  ServerOptions options;
  options.grpc_address = "127.0.0.1:0";
  options.admin_address = "127.0.0.1:0";
  options.lanes = 2;
  spdlog::set_level(spdlog::level::off);
  return options;
}

ServerOptions RandomOptions() {
  ServerOptions options = LocalOptions();
  options.random_model = kTinyModel;
  return options;
}

ServerOptions RepositoryOptions(const std::string& path) {
  ServerOptions options = LocalOptions();
  options.repository = path;
  return options;
}

class ServerAppTest : public ::testing::Test {
 protected:
  void Start(const ServerOptions& options) {
    auto app = ServerApp::Start(options, Never);
    ASSERT_TRUE(app.ok()) << app.status();
    app_ = *std::move(app);
  }

  CliResult Ask(const char* command, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {command, "--server", app_->grpc_endpoint()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunCli(arguments);
  }
  CliResult Classify(const std::vector<std::string>& more) { return Ask("classify", more); }

  CliResult Health(const std::string& service) {
    return RunCli(
        {"health", "--server", app_->grpc_endpoint(), "--service", service, "--timeout", "10"});
  }

  // Returns once a request was seen in the server. REQUIRES: one is on its way, and takes a while.
  void WaitUntilInFlight() {
    const std::string nothing = "\nsiskin_requests_in_flight 0\n";
    while (HttpGet(app_->admin_port(), "/metrics").body.find(nothing) != std::string::npos) {
    }
  }

  TempFolder folder_;
  std::unique_ptr<ServerApp> app_;
};

TEST_F(ServerAppTest, ClassifiesOnePhoto) {
  Start(RandomOptions());
  WritePng(folder_ / "a.png", 64);
  const CliResult result = Classify({folder_ / "a.png", "--top-k", "3"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("probability  class  label\n"));
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 6);  // head, blank, title, 3
  EXPECT_THAT(result.err, HasSubstr("warning: "));
}

TEST_F(ServerAppTest, ClassifiesAFolderWithAnErrorForEachBadFile) {
  Start(RandomOptions());
  for (int i = 0; i < 12; ++i) WritePng(folder_ / absl::StrCat("photos/", 10 + i, ".png"), 40 + i);
  WriteText(folder_ / "photos/broken.jpg", "no photo");
  const CliResult result = Classify({folder_ / "photos", folder_ / "missing.png"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("INVALID_ARGUMENT: "));
  EXPECT_THAT(result.out, HasSubstr("NOT_FOUND: no such file"));
  EXPECT_THAT(result.err, HasSubstr("2 of 14 files failed"));
}

TEST_F(ServerAppTest, JsonIsALinePerFileInTheirOrder) {
  Start(RandomOptions());
  WritePng(folder_ / "a.png", 64);
  WriteText(folder_ / "b.jpg", "no photo");
  const CliResult result =
      Classify({"--json", folder_ / "a.png", folder_ / "b.jpg", folder_ / "a.png"});
  EXPECT_EQ(result.exit_code, 1);
  std::istringstream lines(result.out);
  std::vector<nlohmann::json> documents;
  for (std::string line; std::getline(lines, line);) {
    documents.push_back(nlohmann::json::parse(line));
  }
  ASSERT_EQ(documents.size(), 3u);
  EXPECT_EQ(documents[0]["file"], folder_ / "a.png");
  EXPECT_EQ(documents[0]["model"], kTinyModel);
  EXPECT_EQ(documents[0]["version"], "1");
  EXPECT_EQ(documents[0]["classifications"].size(), 5u);
  EXPECT_GE(documents[0]["batch_size"], 1);
  EXPECT_GT(documents[0]["timing_ms"]["compute"], 0);
  EXPECT_FALSE(documents[0]["warning"].get<std::string>().empty());
  EXPECT_EQ(documents[1]["error"]["code"], "INVALID_ARGUMENT");
  EXPECT_EQ(documents[2]["classifications"], documents[0]["classifications"]);
}

TEST_F(ServerAppTest, DetectsFacesAndDrawsThem) {
  ServerOptions options = LocalOptions();
  options.random_model = "blazeface_front";  // which finds many, nobody knows where
  Start(options);
  WritePng(folder_ / "a.png", 96);
  const CliResult result = Ask("detect", {folder_ / "a.png", "--json", "--max-faces", "2",
                                          "--min-score", "0.01", "--draw", folder_ / "b.png"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("warning: "));
  const auto document = nlohmann::json::parse(result.out);
  EXPECT_EQ(document["model"], "blazeface_front");
  EXPECT_EQ(document["image"]["width"], 96);
  ASSERT_EQ(document["faces"].size(), 2u);
  EXPECT_GE(document["faces"][0]["score"], 0.01);
  EXPECT_GT(document["timing_ms"]["compute"], 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "b.png"));
}

TEST_F(ServerAppTest, ADrawingThatCannotBeWrittenIsAnErrorOfTheFile) {
  ServerOptions options = LocalOptions();
  options.random_model = "blazeface_front";
  Start(options);
  WritePng(folder_ / "a.png", 96);
  const CliResult result =
      Ask("detect", {folder_ / "a.png", "--draw", folder_ / "nowhere/out.png"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("PERMISSION_DENIED: cannot write"));
}

TEST_F(ServerAppTest, EmbedsPhotosIntoLinesAndAMatrix) {
  Start(RandomOptions());
  WritePng(folder_ / "a.png", 64);
  WriteText(folder_ / "b.jpg", "no photo");
  const CliResult result = Ask("embed", {folder_ / "a.png", folder_ / "b.jpg", folder_ / "a.png",
                                         "--json", "--l2-normalise", "--npy", folder_ / "out.npy"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("1 of 3 files failed"));
  const auto first = nlohmann::json::parse(result.out.substr(0, result.out.find('\n')));
  const auto embedding = first["embedding"].get<std::vector<float>>();
  ASSERT_EQ(embedding.size(), 256u);
  EXPECT_NEAR(std::inner_product(embedding.begin(), embedding.end(), embedding.begin(), 0.0), 1,
              1e-5);

  std::ifstream file(folder_ / "out.npy", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(bytes, HasSubstr("(3, 256)"));
  std::vector<float> matrix(3 * 256);
  const size_t size = matrix.size() * sizeof(float);
  ASSERT_GT(bytes.size(), size);
  std::memcpy(matrix.data(), bytes.data() + bytes.size() - size, size);
  EXPECT_EQ(std::vector<float>(matrix.begin(), matrix.begin() + 256), embedding);
  EXPECT_TRUE(std::isnan(matrix[256]));
  EXPECT_EQ(std::vector<float>(matrix.end() - 256, matrix.end()), embedding);
}

TEST_F(ServerAppTest, AnEmbeddingThatCannotBeWrittenIsAnError) {
  Start(RandomOptions());
  WritePng(folder_ / "a.png", 64);
  const CliResult result = Ask("embed", {folder_ / "a.png", "--npy", folder_ / "nowhere/out.npy"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("256 values: "));
  EXPECT_THAT(result.err, HasSubstr("cannot write"));
}

TEST_F(ServerAppTest, UnknownModelIsAnErrorOfTheFile) {
  Start(RandomOptions());
  WritePng(folder_ / "a.png", 64);
  const CliResult result = Classify({folder_ / "a.png", "--model", "other"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("NOT_FOUND"));
}

TEST_F(ServerAppTest, HealthAndAdminAgree) {
  Start(RandomOptions());
  EXPECT_TRUE(app_->ready());
  for (const char* service : {"", "liveness", "readiness", kTinyModel}) {
    EXPECT_EQ(Health(service).out, "SERVING\n") << service;
    EXPECT_EQ(Health(service).exit_code, 0) << service;
  }
  const CliResult unknown = Health("nonsense");
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("nonsense"));
  EXPECT_EQ(HttpGet(app_->admin_port(), "/readyz").status, 200);
  const std::string metrics = HttpGet(app_->admin_port(), "/metrics").body;
  for (const char* name : {"siskin_build_info", "siskin_requests_in_flight", "siskin_lanes 2"}) {
    EXPECT_THAT(metrics, HasSubstr(name));
  }
}

TEST_F(ServerAppTest, DrainAnswersWhatIsInFlight) {
  ServerOptions options = RandomOptions();
  options.max_delay = absl::Seconds(1);  // a lone request waits that long for company
  Start(options);
  WritePng(folder_ / "a.png", 64);
  CliResult result;
  std::thread client([&] { result = Classify({folder_ / "a.png"}); });
  WaitUntilInFlight();
  app_->Drain();
  client.join();
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(Health("").exit_code, 2);
}

TEST_F(ServerAppTest, DrainAnswersOrRefusesEveryRequest) {
  Start(RandomOptions());
  WritePng(folder_ / "a.png", 64);
  std::vector<std::string> arguments(400, folder_ / "a.png");
  arguments.insert(arguments.end(), {"--json", "--concurrency", "8"});
  CliResult result;
  std::thread client([&] { result = Classify(arguments); });
  WaitUntilInFlight();
  app_->Drain();
  client.join();
  std::istringstream lines(result.out);
  int answers = 0;
  for (std::string line; std::getline(lines, line); ++answers) {
    const auto document = nlohmann::json::parse(line);
    if (!document.contains("error")) continue;
    // CANCELLED: the call came while gRPC was shutting down, and never reached a handler.
    EXPECT_THAT(document["error"]["code"], ::testing::AnyOf("UNAVAILABLE", "CANCELLED")) << line;
  }
  EXPECT_EQ(answers, 400) << result.err;
}

TEST_F(ServerAppTest, ServesARepositoryWithItsLabels) {
  WriteTinyCheckpoint(folder_ / "repo/tiny/1/model.safetensors");
  std::string labels;
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&labels, "label", i, "\n");
  WriteText(folder_ / "repo/tiny/labels.txt", labels);
  WritePng(folder_ / "a.png", 64);
  Start(RepositoryOptions(folder_ / "repo"));
  const CliResult result = Classify({folder_ / "a.png"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("tiny version 1"));
  EXPECT_THAT(result.out, HasSubstr("  label"));
  EXPECT_EQ(result.err, "");  // no warning
}

TEST_F(ServerAppTest, AFailedModelKeepsReadinessButNotTheOthers) {
  WriteTinyCheckpoint(folder_ / "tiny/1/model.safetensors");
  WriteText(folder_ / "broken/1/model.safetensors", "this is no safetensors file");
  Start(RepositoryOptions(folder_.path()));
  EXPECT_FALSE(app_->ready());
  EXPECT_EQ(Health("tiny").out, "SERVING\n");
  EXPECT_EQ(Health("broken").out, "NOT_SERVING\n");
  EXPECT_EQ(Health("readiness").exit_code, 1);
  EXPECT_EQ(Health("liveness").exit_code, 0);
  EXPECT_EQ(HttpGet(app_->admin_port(), "/readyz").status, 503);
}

TEST(ServerStartTest, MissingRepositoryIsFatal) {
  const TempFolder folder;
  const auto app = ServerApp::Start(RepositoryOptions(folder / "nowhere"), Never);
  EXPECT_TRUE(absl::IsNotFound(app.status())) << app.status();
  EXPECT_THAT(std::string(app.status().message()), HasSubstr("nowhere"));
}

TEST(ServerStartTest, EmptyRepositoryIsFatalAndSaysWhereAModelGoes) {
  const TempFolder folder;
  const auto app = ServerApp::Start(RepositoryOptions(folder.path()), Never);
  EXPECT_TRUE(absl::IsNotFound(app.status())) << app.status();
  EXPECT_THAT(std::string(app.status().message()), HasSubstr("MODEL/1/model.safetensors"));
}

TEST(ServerStartTest, NothingLoadableIsFatal) {
  const TempFolder folder;
  WriteText(folder / "broken/1/model.safetensors", "this is no safetensors file");
  const auto app = ServerApp::Start(RepositoryOptions(folder.path()), Never);
  EXPECT_TRUE(absl::IsFailedPrecondition(app.status())) << app.status();
  // Which model, once, and why.
  EXPECT_THAT(std::string(app.status().message()),
              ::testing::StartsWith("no model could be loaded: model broken version 1: " +
                                    folder / "broken/1/model.safetensors"));
}

TEST(ServerStartTest, UnknownRandomModelIsFatal) {
  ServerOptions options = LocalOptions();
  options.random_model = "resnet_9000";
  const auto app = ServerApp::Start(options, Never);
  EXPECT_TRUE(absl::IsFailedPrecondition(app.status())) << app.status();
}

TEST(ServerStartTest, NothingToServeIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(ServerApp::Start(LocalOptions(), Never).status()));
}

TEST(ServerStartTest, AnAddressInUseIsFatal) {
  const auto first = ServerApp::Start(RandomOptions(), Never);
  ASSERT_TRUE(first.ok()) << first.status();
  ServerOptions options = RandomOptions();
  options.grpc_address = (*first)->grpc_endpoint();
  EXPECT_TRUE(absl::IsUnavailable(ServerApp::Start(options, Never).status()));
  options = RandomOptions();
  options.admin_address = (*first)->admin_endpoint();
  EXPECT_TRUE(absl::IsUnavailable(ServerApp::Start(options, Never).status()));
}

TEST(ServerStartTest, StopsWhenAskedTo) {
  const auto app = ServerApp::Start(RandomOptions(), [] { return true; });
  EXPECT_TRUE(absl::IsCancelled(app.status())) << app.status();
}

}  // namespace
}  // namespace siskin::app
