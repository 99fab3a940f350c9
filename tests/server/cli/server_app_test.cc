// The whole server in this process, spoken to as a user does.
#include "server/app/server_app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

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
#include "base/cpu_budget.h"
#include "nlohmann/json.hpp"
#include "spdlog/spdlog.h"
#include "tests/server/admin/http_get.h"
#include "tests/server/cli/cli_fixture.h"

namespace siskin::app {
namespace {

using ::siskin::testing::CliResult;
using ::siskin::testing::HttpGet;
using ::siskin::testing::HttpPost;
using ::siskin::testing::kTinyModel;
using ::siskin::testing::RunCli;
using ::siskin::testing::TempFolder;
using ::siskin::testing::WritePng;
using ::siskin::testing::WriteText;
using ::siskin::testing::WriteTinyCheckpoint;
using ::testing::HasSubstr;
using ::testing::Not;

bool Never() { return false; }

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

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

// Threads of this process that may not use all of its cores.
int PinnedThreads() {
  cpu_set_t all, one;
  EXPECT_EQ(sched_getaffinity(getpid(), sizeof(all), &all), 0);
  int pinned = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    const pid_t id = std::stoi(thread.path().filename());
    pinned += sched_getaffinity(id, sizeof(one), &one) == 0 && !CPU_EQUAL(&all, &one);
  }
  return pinned;
}

TEST_F(ServerAppTest, LanesArePinnedAsTold) {
  const CpuBudget budget = DetectCpuBudget();
  const int cores = static_cast<int>(budget.cpus.size());
  if (cores < 2) GTEST_SKIP() << "needs two cores";
  const struct {
    Pinning pinning;
    int lanes;
    int pinned;
  } cases[] = {
      {Pinning::kAuto, cores, 0}, {Pinning::kOn, cores - 1, cores - 1}, {Pinning::kOff, cores, 0}};
  for (const auto& c : cases) {
    app_.reset();
    ServerOptions options = RandomOptions();
    options.lanes = c.lanes;
    options.pinning = c.pinning;
    Start(options);
    EXPECT_EQ(PinnedThreads(), c.pinned) << c.lanes;
  }
}

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

TEST_F(ServerAppTest, TheStatusPageAnswersLikeGrpc) {
  Start(RandomOptions());
  WritePng(folder_ / "a.png", 64);
  const auto page = HttpPost(app_->admin_port(), "/api/infer", ReadText(folder_ / "a.png"));
  EXPECT_EQ(page.status, 200) << page.body;
  const auto from_page = nlohmann::json::parse(page.body);
  const auto from_grpc = nlohmann::json::parse(Classify({folder_ / "a.png", "--json"}).out);
  ASSERT_EQ(from_page["classifications"].size(), 5u);
  for (int i = 0; i < 5; ++i) {
    for (const char* key : {"index", "probability"}) {
      EXPECT_EQ(from_page["classifications"][i][key], from_grpc["classifications"][i][key]);
    }
  }
  const auto status = nlohmann::json::parse(HttpGet(app_->admin_port(), "/api/status").body);
  EXPECT_EQ(status["server"]["ready"], true);
  EXPECT_EQ(status["server"]["lanes"], 2);
  EXPECT_EQ(status["models"][0]["name"], kTinyModel);
  EXPECT_EQ(HttpGet(app_->admin_port(), "/").status, 200);
}

TEST_F(ServerAppTest, AModelsOwnBatchingWinsOverTheServers) {
  for (const char* model : {"own", "plain"}) {
    WriteTinyCheckpoint(folder_ / absl::StrCat(model, "/1/model.safetensors"));
  }
  WriteText(folder_ / "own/model.textproto",
            "batching { policy: BATCH_POLICY_AUTO weight: 2 target_delay_microseconds: 50000 }");
  ServerOptions options = RepositoryOptions(folder_.path());
  options.queues.policy = batching::BatchPolicy::kFixed;
  options.queues.target_delay = absl::Milliseconds(70);
  Start(options);
  const auto status = nlohmann::json::parse(HttpGet(app_->admin_port(), "/api/status").body);
  const auto& own = status["models"][0]["batching"];
  EXPECT_EQ(own["policy"], "auto");
  EXPECT_FALSE(own.contains("max_delay_ms"));
  EXPECT_EQ(own["weight"], 2);
  EXPECT_EQ(own["target_delay_ms"], 50);
  const auto& plain = status["models"][1]["batching"];
  EXPECT_EQ(plain["policy"], "fixed");
  EXPECT_EQ(plain["max_delay_ms"], 0);
  EXPECT_EQ(plain["weight"], 1);
  EXPECT_EQ(plain["target_delay_ms"], 70);
}

TEST_F(ServerAppTest, TheStatusTellsLevelsAndOrder) {
  for (const char* model : {"levels", "order"}) {
    WriteTinyCheckpoint(folder_ / absl::StrCat(model, "/1/model.safetensors"));
  }
  WriteText(folder_ / "levels/model.textproto",
            "dynamic_batching { priority_levels: 3 default_priority_level: 2 }");
  WriteText(folder_ / "order/model.textproto", "dynamic_batching { preserve_ordering: true }");
  Start(RepositoryOptions(folder_.path()));
  const auto status = nlohmann::json::parse(HttpGet(app_->admin_port(), "/api/status").body);
  const auto& levels = status["models"][0]["batching"];
  EXPECT_EQ(levels["priority_levels"], 3);
  EXPECT_FALSE(levels.contains("in_order"));
  EXPECT_FALSE(levels.contains("target_delay_ms"));  // none
  EXPECT_EQ(status["models"][1]["batching"]["in_order"], true);
}

TEST_F(ServerAppTest, AStatusPageThatIsOffLeavesTheProbes) {
  ServerOptions options = RandomOptions();
  options.status_page = false;
  Start(options);
  for (const char* path : {"/", "/status.mjs", "/api/status"}) {
    EXPECT_EQ(HttpGet(app_->admin_port(), path).status, 404) << path;
  }
  EXPECT_EQ(HttpPost(app_->admin_port(), "/api/infer", "photo").status, 404);
  EXPECT_EQ(HttpGet(app_->admin_port(), "/readyz").status, 200);
}

TEST_F(ServerAppTest, ATokenKeepsThePageButNotTheProbes) {
  WriteText(folder_ / "token", "0123456789abcdef\n");
  ServerOptions options = RandomOptions();
  options.status_token_file = folder_ / "token";
  Start(options);
  for (const char* path : {"/", "/api/status"}) {
    EXPECT_EQ(HttpGet(app_->admin_port(), path).status, 401) << path;
  }
  EXPECT_EQ(HttpPost(app_->admin_port(), "/api/infer", "photo").status, 401);
  EXPECT_EQ(HttpPost(app_->admin_port(), "/api/session", "0123456789abcdef").status, 200);
  for (const char* path : {"/metrics", "/healthz", "/readyz"}) {
    EXPECT_EQ(HttpGet(app_->admin_port(), path).status, 200) << path;
  }
}

// The names that alerts and dashboards rely on. cgroup and pressure metrics depend on the machine.
TEST_F(ServerAppTest, EveryMetricIsThereBeforeTheFirstRequest) {
  Start(RandomOptions());
  const std::string metrics = HttpGet(app_->admin_port(), "/metrics").body;
  for (const char* name : {"siskin_requests_total",
                           "siskin_request_duration_seconds",
                           "siskin_rejected_total",
                           "siskin_queue_duration_seconds",
                           "siskin_decode_duration_seconds",
                           "siskin_compute_duration_seconds",
                           "siskin_batch_size",
                           "siskin_batches_total",
                           "siskin_saved_images_total",
                           "siskin_lane_compute_seconds_total",
                           "siskin_lane_busy_seconds_total",
                           "siskin_lanes",
                           "siskin_grpc_bytes_total",
                           "siskin_queue_depth",
                           "siskin_queue_capacity",
                           "siskin_requests_in_flight",
                           "siskin_requests_in_flight_limit",
                           "siskin_payload_in_flight_bytes",
                           "siskin_payload_in_flight_limit_bytes",
                           "siskin_model_state",
                           "siskin_model_load_duration_seconds",
                           "siskin_model_warmup_duration_seconds",
                           "siskin_model_memory_bytes",
                           "siskin_time_to_ready_seconds",
                           "siskin_build_info",
                           "process_cpu_seconds_total",
                           "process_resident_memory_bytes",
                           "process_virtual_memory_bytes",
                           "process_open_fds",
                           "process_start_time_seconds",
                           "process_threads"}) {
    EXPECT_THAT(metrics, HasSubstr(absl::StrCat("# TYPE ", name, " "))) << name;
  }
  EXPECT_THAT(metrics, Not(HasSubstr("nv_inference")));
}

TEST_F(ServerAppTest, AServerThatIsNotReadyHasNoTimeToReady) {
  WriteTinyCheckpoint(folder_ / "tiny/1/model.safetensors");
  WriteText(folder_ / "broken/1/model.safetensors", "this is no safetensors file");
  Start(RepositoryOptions(folder_.path()));
  EXPECT_THAT(HttpGet(app_->admin_port(), "/metrics").body,
              Not(HasSubstr("\nsiskin_time_to_ready_seconds")));
}

TEST_F(ServerAppTest, TritonsNamesAreThereWhenAskedFor) {
  ServerOptions options = RandomOptions();
  options.triton_metrics = true;
  Start(options);
  EXPECT_THAT(HttpGet(app_->admin_port(), "/metrics").body,
              HasSubstr(absl::StrCat("nv_inference_request_success{model=\"", kTinyModel,
                                     "\",version=\"1\"} 0")));
}

TEST_F(ServerAppTest, DrainAnswersWhatIsInFlight) {
  ServerOptions options = RandomOptions();
  options.queues.max_delay = absl::Seconds(1);  // a lone request waits that long for company
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

TEST(ServerStartTest, ATokenThatCannotBeUsedIsFatal) {
  const TempFolder folder;
  ServerOptions options = RandomOptions();
  options.status_token_file = folder / "token";
  EXPECT_TRUE(absl::IsNotFound(ServerApp::Start(options, Never).status()));
  WriteText(folder / "token", "short");
  const absl::Status status = ServerApp::Start(options, Never).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), ::testing::StartsWith(folder / "token: "));
}

TEST(ServerStartTest, UnknownRandomModelIsFatal) {
  ServerOptions options = LocalOptions();
  options.random_model = "resnet_9000";
  const auto app = ServerApp::Start(options, Never);
  EXPECT_TRUE(absl::IsFailedPrecondition(app.status())) << app.status();
}

TEST(ServerStartTest, TwoSourcesOfModelsAreRefused) {
  const TempFolder folder;
  ServerOptions options = RepositoryOptions(folder.path());
  options.random_model = kTinyModel;
  EXPECT_TRUE(absl::IsInvalidArgument(ServerApp::Start(options, Never).status()));
}

TEST(ServerStartTest, ADelayUnderTheAutoPolicyIsRefused) {
  ServerOptions options = RandomOptions();
  options.queues = {.max_delay = absl::Milliseconds(2), .policy = batching::BatchPolicy::kAuto};
  const absl::Status status = ServerApp::Start(options, Never).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("a delay of 2ms needs the fixed one"));
}

TEST(ServerStartTest, AModelsBatchingThatDoesNotFitTheServersIsFatal) {
  const TempFolder folder;
  WriteTinyCheckpoint(folder / "tiny/1/model.safetensors");
  WriteText(folder / "tiny/model.textproto", "batching { preferred_batch_size: 8 }");
  ServerOptions options = RepositoryOptions(folder.path());
  options.queues.max_batch_size = 4;
  const absl::Status status = ServerApp::Start(options, Never).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("model tiny: expected preferred batch sizes that ascend, from 1 to the "
                        "largest batch of 4; got 8"));
}

TEST(ServerStartTest, ThreadsThatAreNoLanesAreFatal) {
  const TempFolder folder;
  WriteTinyCheckpoint(folder / "tiny/1/model.safetensors");
  WriteText(folder / "tiny/model.textproto",
            "batching_parameters { num_batch_threads { value: 1000 } }");
  const absl::Status status = ServerApp::Start(RepositoryOptions(folder.path()), Never).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("model tiny: num_batch_threads is 1000"));
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
