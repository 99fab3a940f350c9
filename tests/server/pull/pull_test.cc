// `siskin pull` from end to end: from a hub (hub.py) into a repository, and through a real `siskin
// serve` to an answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "ops/checkpoint.h"
#include "server/pull/http.h"
#include "tests/fakes/shared_data.h"
#include "tests/models/model_files.h"
#include "tests/server/cli/child_process.h"
#include "tests/server/cli/cli_fixture.h"
#include "tests/server/pull/torch/pickles.h"
#include "tests/server/pull/torch/torch_files.h"

namespace siskin::pull {
namespace {

using ::siskin::testing::ChildProcess;
using ::siskin::testing::CliResult;
using ::siskin::testing::MakeNetwork;
using ::siskin::testing::SharedPath;
using ::siskin::testing::Store;
using ::siskin::testing::StoredModel;
using ::siskin::testing::TempFolder;
using ::siskin::testing::WriteText;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

StoredModel RandomWeights(const std::string& key_style, double width, int classes = 1000) {
  const auto network = MakeNetwork("mobilenet_v2", key_style, width, classes);
  return Store(network.graph, *network.style);
}

void WriteSafetensors(const std::string& path, const StoredModel& model) {
  fs::create_directories(fs::path(path).parent_path());
  std::vector<ops::NamedTensor> tensors;
  for (const auto& [key, tensor] : model) tensors.push_back({key, tensor.shape, tensor.values});
  ASSERT_TRUE(ops::WriteCheckpoint(path, tensors, {}).ok());
}

std::string ReadText(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

constexpr char kTimmConfig[] = R"({"architecture": "mobilenetv2_050", "num_classes": 1000,
  "pretrained_cfg": {"tag": "lamb_in1k", "input_size": [3, 224, 224], "interpolation": "bicubic",
    "crop_pct": 0.875, "crop_mode": "center", "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225]}})";

constexpr char kPreprocessor[] = R"({"crop_size": {"height": 96, "width": 96},
  "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2,
  "rescale_factor": 0.00392156862745098, "size": {"shortest_edge": 128}})";

std::string GoogleConfig() {
  nlohmann::json config = {{"model_type", "mobilenet_v2"},
                           {"depth_multiplier", 0.35},
                           {"image_size", 96},
                           {"layer_norm_eps", 0.001},
                           {"tf_padding", true}};
  config["id2label"]["0"] = "background";
  for (int id = 1; id <= 1000; ++id)
    config["id2label"][absl::StrCat(id)] = absl::StrCat("thing ", id);
  return config.dump();
}

class PullTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                             "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "SISKIN_REPOSITORY"}) {
      unsetenv(name);
    }
    if (access(SISKIN_PYTHON, X_OK) != 0) GTEST_SKIP() << "needs python3 for hub.py";
    StartHub({});
  }

  void StartHub(const std::vector<std::string>& certificate) {
    std::vector<std::string> arguments = {SISKIN_PYTHON, SISKIN_HUB, root_.path()};
    arguments.insert(arguments.end(), certificate.begin(), certificate.end());
    hub_ = std::make_unique<ChildProcess>(arguments);
    const std::string line = hub_->ReadLine();  // "hub=URL cdn=URL"
    ASSERT_THAT(line, ::testing::StartsWith("hub="));
    url_ = line.substr(4, line.find(' ') - 4);
    setenv("HF_ENDPOINT", url_.c_str(), 1);
  }

  // A timm model on the hub.
  void PublishTimm(const std::string& name = "timm/mobilenetv2_050.lamb_in1k") {
    WriteText(root_ / (name + "/config.json"), kTimmConfig);
    WriteSafetensors(root_ / (name + "/model.safetensors"), RandomWeights("timm", 0.5));
  }

  CliResult Pull(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "pull");
    arguments.insert(arguments.end(), {"--repository", repository_.path()});
    return testing::RunCli(std::move(arguments));
  }

  std::string Get(const std::string& path) {
    std::string body;
    const auto response =
        HttpGet(url_ + path, {}, {}, [&body](const HttpResponse&, std::string_view bytes) {
          body += bytes;
          return absl::OkStatus();
        });
    EXPECT_TRUE(response.ok()) << response.status();
    return body;
  }

  bool Exists(const std::string& path) { return fs::exists(repository_ / path); }
  std::string Config(const std::string& model) {
    return ReadText(repository_ / (model + "/model.textproto"));
  }

  // Serves the repository, without further configuration, and classifies a photo.
  nlohmann::json Classify(const std::string& photo = "") {
    ChildProcess server({SISKIN_BINARY, "serve", "--log-level", "error", "--repository",
                         repository_.path(), "--grpc", "127.0.0.1:0", "--admin", "off"});
    const std::string line = server.ReadLine();  // "listening grpc=HOST:PORT admin=off"
    EXPECT_THAT(line, ::testing::StartsWith("listening grpc="));
    const std::string address = line.substr(15, line.find(' ', 15) - 15);
    std::string file = photo;
    if (file.empty()) {
      file = root_ / "photo.png";
      testing::WritePng(file, 61);
    }
    const CliResult result = testing::RunCli({"classify", "--server", address, "--json", file});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return nlohmann::json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  }

  TempFolder root_;  // of the hub
  TempFolder repository_;
  std::string url_;
  std::unique_ptr<ChildProcess> hub_;
};

TEST_F(PullTest, TimmModelServes) {
  PublishTimm();
  const CliResult result = Pull({"timm/mobilenetv2_050.lamb_in1k"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("MobileNetV2, width 0.5"), HasSubstr("timm"),
                                HasSubstr("short side, then crop (256 px), bicubic, RGB"),
                                HasSubstr("siskin serve --repository " + repository_.path())));
  // All of the contract is the network's own, so only the name is stated.
  EXPECT_EQ(Config("mobilenetv2_050.lamb_in1k"), "architecture: \"mobilenetv2_050.lamb_in1k\"\n");
  EXPECT_FALSE(Exists(".pull"));
  EXPECT_EQ(result.err, "");  // no progress bar but on a terminal
  EXPECT_THAT(ReadText(repository_ / "mobilenetv2_050.lamb_in1k/labels.txt"),
              ::testing::StartsWith("tench, Tinca tinca\n"));
  EXPECT_THAT(Classify().dump(), HasSubstr("mobilenetv2_050.lamb_in1k"));
}

TEST_F(PullTest, AContractOfItsOwnIsStated) {
  PublishTimm();
  WriteText(
      root_ / "timm/mobilenetv2_050.lamb_in1k/config.json",
      absl::StrReplaceAll(
          kTimmConfig,
          {{"224, 224", "160, 160"}, {"bicubic", "bilinear"}, {"0.875", "0.8"}, {"0.485", "0.5"}}));
  const CliResult result = Pull({"timm/mobilenetv2_050.lamb_in1k", "--as", "small"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Config("small"),
            "architecture: \"mobilenetv2_050.lamb_in1k\"\n"
            "input {\n  size: 160\n  resize_to: 200\n  interpolation: INTERPOLATION_BILINEAR\n"
            "  mean: [127.5, 116.28, 103.53]\n}\n");
  Classify();
}

TEST_F(PullTest, GoogleModelServesWithItsLabels) {
  const std::string folder = root_ / "google/mobilenet_v2_0.35_96/";
  WriteText(folder + "config.json", GoogleConfig());
  WriteText(folder + "preprocessor_config.json", kPreprocessor);
  WriteSafetensors(folder + "model.safetensors", RandomWeights("hf-google", 0.35, 1001));
  const CliResult result = Pull({"google/mobilenet_v2_0.35_96"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(Config("mobilenet_v2_0.35_96"), "architecture: \"mobilenet_v2_0.35_96\"\n");
  EXPECT_THAT(result.out, AllOf(HasSubstr("3x96x96"), HasSubstr("(128 px), bilinear"),
                                HasSubstr("1000, from the source")));
  EXPECT_THAT(Classify().dump(), HasSubstr("\"thing "));
}

TEST_F(PullTest, OldHubModelsHaveTorchFiles) {
  const std::string folder = root_ / "google/mobilenet_v2_0.35_96/";
  WriteText(folder + "config.json", GoogleConfig());
  WriteText(folder + "pytorch_model.bin", TorchZip(RandomWeights("hf-google", 0.35, 1001)));
  const CliResult result = Pull({"google/mobilenet_v2_0.35_96"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(Classify().dump(), HasSubstr("\"thing "));
}

class TorchvisionTest : public PullTest, public ::testing::WithParamInterface<bool> {};

TEST_P(TorchvisionTest, FileServes) {
  const StoredModel weights = RandomWeights("torchvision", 0.35);
  WriteText(root_ / "files/mobilenet_v2.pth",
            GetParam() ? TorchLegacy(weights) : TorchZip(weights));
  const CliResult result = Pull({url_ + "/files/mobilenet_v2.pth?download=1"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("torchvision"), HasSubstr("width 0.35"), HasSubstr("ImageNet-1k's")));
  Classify();
}

INSTANTIATE_TEST_SUITE_P(Containers, TorchvisionTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Legacy" : "Zip"; });

TEST_F(PullTest, MaliciousFilesExecuteNothing) {
  using testing::Global;
  using testing::Text;
  const std::string marker = root_ / "executed";
  const std::string attack =
      testing::kProto2 + Global("os", "system") + "(" + Text("touch " + marker) + "tR.";
  WriteText(root_ / "files/mobilenet_v2.pth",
            std::string("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", 15) + testing::kProto2 +
                "M\xe9\x03." + testing::kProto2 + "}." + attack);
  const CliResult result = Pull({url_ + "/files/mobilenet_v2.pth"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("\"os.system\""), HasSubstr("not executed")));
  EXPECT_FALSE(fs::exists(marker));
  EXPECT_FALSE(Exists("mobilenet_v2"));
}

TEST_F(PullTest, GoesOnAfterATruncationAndAnError) {
  PublishTimm();
  Get("/_fault/truncate");
  Get("/_fault/error");
  const CliResult result = Pull({"timm/mobilenetv2_050.lamb_in1k"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(Get("/_seen"), ::testing::ContainsRegex("cdn GET .* range=bytes=[1-9][0-9]*-"));
  Classify();
}

TEST_F(PullTest, AFileThatIsNotWhatTheHubSaysIsRefused) {
  PublishTimm();
  Get("/_fault/changed");
  const CliResult result = Pull({"timm/mobilenetv2_050.lamb_in1k"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, AllOf(HasSubstr("SHA-256"), HasSubstr("the hub says")));
  EXPECT_FALSE(Exists("mobilenetv2_050.lamb_in1k"));
  // The damaged bytes are gone, too.
  EXPECT_EQ(Pull({"timm/mobilenetv2_050.lamb_in1k"}).exit_code, 0);
}

TEST_F(PullTest, ChecksumsOfTheUserAndOfTheName) {
  const std::string file = TorchZip(RandomWeights("torchvision", 0.35));
  WriteText(root_ / "files/mobilenet_v2.pth", file);
  WriteText(root_ / "files/net-0badf00d.pth", file);
  CliResult result = Pull({url_ + "/files/mobilenet_v2.pth", "--sha256", std::string(64, 'A')});
  EXPECT_THAT(result.err, HasSubstr("--sha256 says aaaa"));
  result = Pull({url_ + "/files/mobilenet_v2.pth", "--sha256", "12"});
  EXPECT_THAT(result.err, HasSubstr("64 hexadecimal digits"));
  result = Pull({url_ + "/files/net-0badf00d.pth", "--architecture", "mobilenet_v2"});
  EXPECT_THAT(result.err, HasSubstr("its name says 0badf00d..."));
  // The message says how to go on.
  const std::string sha256 = result.err.substr(result.err.rfind(' ') + 1, 64);
  result = Pull(
      {url_ + "/files/net-0badf00d.pth", "--architecture", "mobilenet_v2", "--sha256", sha256});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr(sha256));
}

TEST_F(PullTest, GatedModelsNeedTheTokenWhichStaysAtTheHub) {
  PublishTimm("timm/private");
  WriteText(root_ / "timm/private/.gated", "");
  EXPECT_THAT(Pull({"timm/private"}).err, HasSubstr("access must be granted first"));
  setenv("HF_TOKEN", "hf_bad", 1);
  EXPECT_THAT(Pull({"timm/private"}).err, HasSubstr("access must be granted first"));
  setenv("HF_TOKEN", "hf_good", 1);
  const CliResult result = Pull({"timm/private"});
  unsetenv("HF_TOKEN");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string seen = Get("/_seen");
  EXPECT_THAT(seen, ::testing::ContainsRegex("hub GET .*authorization=Bearer hf_good"));
  EXPECT_THAT(seen, ::testing::ContainsRegex("cdn GET .*authorization=None"));
  EXPECT_THAT(seen, Not(::testing::ContainsRegex("cdn GET .*authorization=Bearer")));
  EXPECT_THAT(result.out + result.err, Not(HasSubstr("hf_good")));
}

TEST_F(PullTest, WeightsAreOfTheCommitOfTheConfig) {
  PublishTimm();
  ASSERT_EQ(Pull({"timm/mobilenetv2_050.lamb_in1k"}).exit_code, 0);
  EXPECT_THAT(Get("/_seen"),
              HasSubstr("/resolve/0123456789abcdef0123456789abcdef01234567/model.safetensors"));
}

TEST_F(PullTest, WhatTheHubDoesNotHave) {
  PublishTimm();
  const CliResult unknown = Pull({"timm/mobilenet_v99"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("timm/mobilenet_v99"), HasSubstr("check the name")));
  EXPECT_THAT(Pull({"timm/mobilenetv2_050.lamb_in1k", "--revision", "v9"}).err,
              HasSubstr("no such revision"));
  fs::remove(root_ / "timm/mobilenetv2_050.lamb_in1k/model.safetensors");
  EXPECT_THAT(Pull({"timm/mobilenetv2_050.lamb_in1k"}).err, HasSubstr("no such file"));
  WriteText(root_ / "google/bert/config.json", R"({"model_type": "bert"})");
  EXPECT_THAT(Pull({"google/bert"}).err, HasSubstr("\"bert\""));
  WriteText(root_ / "timm/resnet50/config.json", R"({"architecture": "resnet50"})");
  EXPECT_THAT(Pull({"timm/resnet50"}).err,
              AllOf(HasSubstr("unknown network 'resnet50'"), HasSubstr("mobilenet_v2")));
  EXPECT_FALSE(Exists(".pull"));
}

TEST_F(PullTest, WeightsThatDoNotFitNeverAppearAndAreNotFetchedTwice) {
  WriteSafetensors(root_ / "files/mobilenet_v1.safetensors", RandomWeights("torchvision", 0.35));
  const std::string url = url_ + "/files/mobilenet_v1.safetensors";
  const CliResult result = Pull({url});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("does not fit mobilenet_v1"), HasSubstr("--architecture NAME")));
  EXPECT_FALSE(Exists("mobilenet_v1"));
  ASSERT_EQ(Pull({url, "--architecture", "mobilenet_v2"}).exit_code, 0);
  const std::string size = absl::StrCat(fs::file_size(root_ / "files/mobilenet_v1.safetensors"));
  EXPECT_THAT(Get("/_seen"), HasSubstr(absl::StrCat("range=bytes=", size, "-")));
}

TEST_F(PullTest, LocalFilesVersionsAndForce) {
  const std::string file = root_ / "mobilenet_v2.safetensors";
  WriteSafetensors(file, RandomWeights("torchvision", 0.35));
  ASSERT_EQ(Pull({file}).exit_code, 0);
  EXPECT_THAT(Pull({file}).err, AllOf(HasSubstr("is there already"), HasSubstr("--force")));
  ASSERT_EQ(Pull({file, "--version", "2"}).exit_code, 0);
  EXPECT_TRUE(Exists("mobilenet_v2/2/model.safetensors"));
  WriteSafetensors(file, RandomWeights("torchvision", 0.5));
  ASSERT_EQ(Pull({file, "--force"}).exit_code, 0);
  EXPECT_EQ(ReadText(repository_ / "mobilenet_v2/1/model.safetensors"), ReadText(file));
  EXPECT_THAT(Pull({root_ / "absent.pth"}).err, HasSubstr("no such file"));
  EXPECT_THAT(Pull({root_ / "x/model.safetensors"}).err, HasSubstr("--as NAME"));
  EXPECT_THAT(Pull({file, "--as", "new", "--architecture", "x"}).err,
              HasSubstr("unknown network 'x'"));
}

TEST_F(PullTest, CertificatesAreVerified) {
  const std::string certificate = root_ / "certificate.pem";
  const std::string key = root_ / "key.pem";
  const std::string make =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=hub "
      "-addext subjectAltName=IP:127.0.0.1 -keyout " +
      key + " -out " + certificate + " 2>/dev/null";
  if (std::system(make.c_str()) != 0) GTEST_SKIP() << "needs the command openssl";
  PublishTimm();
  StartHub({certificate, key});
  EXPECT_THAT(Pull({"timm/mobilenetv2_050.lamb_in1k"}).err,
              AllOf(HasSubstr("certificate"), HasSubstr("SSL_CERT_FILE")));
  setenv("SSL_CERT_FILE", certificate.c_str(), 1);
  const CliResult result = Pull({"timm/mobilenetv2_050.lamb_in1k"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(Pull({url_ + "/downgrade/mobilenet_v2.pth"}).err,
              HasSubstr("redirects to plain http"));
  unsetenv("SSL_CERT_FILE");
}

TEST_F(PullTest, NeedsARepository) {
  const CliResult result = testing::RunCli({"pull", "timm/x"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--repository DIR"));
}

TEST_F(PullTest, RealWeightsAnswerAsTheyShould) {
  SISKIN_SKIP_WITHOUT_SHARED("models/mobilenet_v2/model.safetensors");
  const CliResult result =
      Pull({SharedPath("models/mobilenet_v2/model.safetensors"), "--as", "mobilenet_v2"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(Classify(SharedPath("models/images/bird.png")).dump(), HasSubstr("chickadee"));
}

}  // namespace
}  // namespace siskin::pull
