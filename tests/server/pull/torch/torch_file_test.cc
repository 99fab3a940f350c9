#include "server/pull/torch/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "server/pull/files.h"
#include "tests/server/pull/torch/pickles.h"

namespace siskin::pull {
namespace {

using ::siskin::testing::Bytes;
using ::siskin::testing::Global;
using ::siskin::testing::Int;
using ::siskin::testing::kProto2;
using ::siskin::testing::Little;
using ::siskin::testing::Storage;
using ::siskin::testing::Tensor;
using ::siskin::testing::Text;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<uint8_t> Fixture(const std::string& name) {
  const auto bytes = ReadFile(std::string(SISKIN_PULL_DATA "/") + name);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return *bytes;
}

std::map<std::string, StateTensor> Read(const std::string& name) {
  const auto bytes = Fixture(name);
  const auto tensors = ReadTorchFile(bytes);
  EXPECT_TRUE(tensors.ok()) << tensors.status();
  std::map<std::string, StateTensor> by_key;
  if (tensors.ok()) {
    for (const StateTensor& tensor : *tensors) by_key[tensor.key] = tensor;
  }
  return by_key;
}

// Real files of torch, in both containers; see data/make_fixtures.py.
class TorchFileTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::string Name(const std::string& stem) const { return stem + GetParam(); }
};

TEST_P(TorchFileTest, TensorsComeOutContiguousAsFloat32) {
  const auto state = Read(Name("state"));
  const auto expect = [&](const std::string& key, std::vector<int64_t> shape,
                          std::vector<float> values) {
    ASSERT_TRUE(state.contains(key)) << key;
    EXPECT_EQ(state.at(key).shape, shape) << key;
    EXPECT_THAT(state.at(key).values, ElementsAreArray(values)) << key;
  };
  EXPECT_THAT(state, SizeIs(11));  // without num_batches_tracked
  expect("plain", {2, 3}, {0, 1, 2, 3, 4, 5});
  expect("transposed", {3, 2}, {0, 3, 1, 4, 2, 5});
  expect("sliced", {3}, {2, 3, 4});
  expect("base", {7}, {0, 1, 2, 3, 4, 5, 6});
  expect("strided", {3, 2}, {1, 3, 6, 8, 11, 13});
  expect("scalar", {}, {2.5});
  expect("empty", {0, 3}, {});
  expect("parameter", {2}, {0, 1});
  expect("double", {3}, {0, 0.125, 0.25});
  expect("half", {3}, {0, -0.125, -0.25});
  expect("bfloat", {3}, {0, 3, 6});
}

TEST_P(TorchFileTest, TrainingCheckpointsAreUnwrapped) {
  const auto state = Read(Name("training"));
  EXPECT_THAT(state, SizeIs(2));
  EXPECT_THAT(state.at("a.weight").values, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(state.at("a.bias").shape, ElementsAre(2));
}

TEST_P(TorchFileTest, StateOfAModule) {
  const auto state = Read(Name("module_state"));
  EXPECT_THAT(state, SizeIs(6));
  EXPECT_THAT(state.at("0.weight").shape, ElementsAre(2, 1, 1, 1));
  EXPECT_THAT(state.at("1.running_var").values, ElementsAre(0, 1));
}

TEST_P(TorchFileTest, IntegersAreNoWeights) {
  const auto bytes = Fixture(Name("integers"));
  EXPECT_THAT(ReadTorchFile(bytes).status().message(), HasSubstr("\"weight\": holds integers"));
}

TEST_P(TorchFileTest, EveryPrefixIsAnError) {
  for (const char* stem : {"state", "training"}) {
    const auto bytes = Fixture(Name(stem));
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::vector<uint8_t> prefix(bytes.begin(), bytes.begin() + size);
      EXPECT_FALSE(ReadTorchFile(prefix).ok()) << stem << " " << size;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Containers, TorchFileTest, ::testing::Values(".pth", ".legacy.pth"),
                         [](const auto& info) { return info.index == 0 ? "Zip" : "Legacy"; });

TEST(TorchFileErrorTest, WholeModulesAreCode) {
  const auto bytes = Fixture("whole_module.pth");
  EXPECT_THAT(ReadTorchFile(bytes).status().message(),
              AllOf(HasSubstr("\"torch.nn.modules.linear.Linear\""), HasSubstr("not executed"),
                    HasSubstr("state_dict()")));
}

// A legacy file of one storage, "0" of four floats, and the given object.
std::string Legacy(const std::string& object, const std::string& keys = "](" + Text("0") + "e.",
                   int64_t elements = 4, const std::string& little_endian = "\x88") {
  return std::string("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", 15) + kProto2 + "M\xe9\x03." +
         kProto2 + "}" + Text("little_endian") + little_endian + "s." + kProto2 + object + "." +
         kProto2 + keys + Little(elements, 8) + std::string(16, '\0');
}

std::string DictOf(const std::string& tensor) { return "}" + Text("w") + tensor + "s"; }
std::string Tuple1(int32_t extent) { return Int(extent) + "\x85"; }
const std::string kTensor = Tensor(Storage("0", 4), 0, Tuple1(4), Tuple1(1));

std::string LegacyError(const std::string& file) {
  return std::string(ReadTorchFile(Bytes(file)).status().message());
}

TEST(LegacyTest, TheFileOfTheseTestsIsGood) {
  EXPECT_TRUE(ReadTorchFile(Bytes(Legacy(DictOf(kTensor)))).ok());
}

TEST(LegacyTest, StoragesMustBeThoseOfTheTensors) {
  const std::string good = DictOf(kTensor);
  EXPECT_THAT(LegacyError(Legacy(good, "](" + Text("1") + "e.")), HasSubstr("no tensor uses"));
  EXPECT_THAT(LegacyError(Legacy(good, "].")), HasSubstr("lacks storages"));
  EXPECT_THAT(LegacyError(Legacy(good, "}.")), HasSubstr("no list"));
  EXPECT_THAT(LegacyError(Legacy(good, "](" + Text("0") + "e.", 5)), HasSubstr("5 elements"));
  EXPECT_THAT(LegacyError(Legacy(good, "](" + Text("0") + "e.", -1)), HasSubstr("-1 elements"));
  const std::string again = std::string("\4\0\0\0\0\0\0\0", 8) + std::string(16, '\0');
  EXPECT_THAT(LegacyError(Legacy(good, "](" + Text("0") + Text("0") + "e.") + again),
              HasSubstr("twice"));
  EXPECT_THAT(LegacyError(Legacy(good, "](" + Text("0") + "e.", 4, "\x89")),
              HasSubstr("big-endian"));
}

TEST(LegacyTest, MaliciousPicklesInEveryPlace) {
  const std::string attack = Global("os", "system") + "(" + Text("touch x") + "tR";
  const std::string good = DictOf(kTensor);
  EXPECT_THAT(LegacyError(Legacy(attack)), HasSubstr("os.system"));
  EXPECT_THAT(LegacyError(Legacy(DictOf(attack))), HasSubstr("os.system"));
  EXPECT_THAT(LegacyError(Legacy(good, attack + ".")), HasSubstr("os.system"));
  EXPECT_THAT(LegacyError(Legacy(good, "](" + Text("0") + "e.", 4, attack)),
              HasSubstr("os.system"));
}

TEST(TensorTest, MustLieInItsStorage) {
  const auto error = [](int32_t offset, const std::string& shape, const std::string& strides) {
    return LegacyError(Legacy(DictOf(Tensor(Storage("0", 4), offset, shape, strides))));
  };
  EXPECT_THAT(error(0, Tuple1(5), Tuple1(1)), HasSubstr("do not fit a storage of 4"));
  EXPECT_THAT(error(1, Tuple1(4), Tuple1(1)), HasSubstr("do not fit"));
  EXPECT_THAT(error(0, Tuple1(2), Tuple1(4)), HasSubstr("do not fit"));
  EXPECT_THAT(error(5, Tuple1(0), Tuple1(1)), HasSubstr("do not fit"));
  EXPECT_THAT(error(4, ")", ")"), HasSubstr("do not fit"));
  // Of one element repeated: a few bytes that ask for gigabytes.
  EXPECT_THAT(error(0, Tuple1(2'000'000'000), Tuple1(0)), HasSubstr("do not fit"));
  const std::string huge = "\x8a\x08" + Little(uint64_t{1} << 62, 8);
  EXPECT_THAT(error(0, huge + huge + "\x86", Int(0) + Int(0) + "\x86"), HasSubstr("do not fit"));
  EXPECT_THAT(error(0, Int(2) + Int(3) + "\x86", huge + huge + "\x86"), HasSubstr("do not fit"));
}

TEST(TensorTest, StridesThatAreNeverTakenMayBeAnything) {
  const std::string huge = "\x8a\x08" + Little(~uint64_t{0} >> 1, 8);
  const std::string file =
      Legacy(DictOf(Tensor(Storage("0", 4), 1, Int(1) + Int(3) + "\x86", huge + Int(1) + "\x86")));
  const auto tensors = ReadTorchFile(Bytes(file));
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_THAT(tensors->front().values, SizeIs(3));
}

TEST(StateDictTest, HoldsTensorsOnly) {
  EXPECT_THAT(LegacyError(Legacy("](" + kTensor + "e")), HasSubstr("than a dict"));
  EXPECT_THAT(LegacyError(Legacy("}(" + Text("w") + kTensor + Text("x") + "K\x01u")),
              HasSubstr("\"x\": is no tensor"));
  EXPECT_THAT(LegacyError(Legacy("}(" + Text("w") + kTensor + "K\x01" + kTensor + "u")),
              HasSubstr("no text"));
  EXPECT_THAT(LegacyError(Legacy("}(" + Text("w") + kTensor + Text("w") + kTensor + "u")),
              HasSubstr("\"w\" twice"));
}

TEST(TorchFileErrorTest, IsTold) {
  EXPECT_TRUE(IsTorchFile(Fixture("state.pth")));
  EXPECT_TRUE(IsTorchFile(Fixture("state.legacy.pth")));
  EXPECT_FALSE(IsTorchFile(Bytes("")));
  EXPECT_FALSE(IsTorchFile(Bytes(Little(8, 8) + "{}      ")));
}

// Damaged files give an error or tensors, and never a crash: most useful under `make test-asan`.
class TorchMutationTest : public ::testing::TestWithParam<const char*> {};

TEST_P(TorchMutationTest, NeverCrashes) {
  constexpr int kMutants = 4000;
  constexpr int kMostChanges = 4;
  const std::vector<uint8_t> original = Fixture(GetParam());
  std::mt19937 random(7);
  int accepted = 0;
  for (int i = 0; i < kMutants; ++i) {
    std::vector<uint8_t> mutant = original;
    const int changes = 1 + static_cast<int>(random() % kMostChanges);
    for (int change = 0; change < changes; ++change) {
      uint8_t& byte = mutant[random() % mutant.size()];
      // A flipped bit, or one of the numbers that limits are made of.
      constexpr uint8_t kExtremes[] = {0x00, 0x7f, 0x80, 0xff};
      byte = random() % 2 == 0 ? byte ^ (1 << random() % 8) : kExtremes[random() % 4];
    }
    accepted += ReadTorchFile(mutant).ok() ? 1 : 0;
  }
  // Both happen: the values themselves may be anything.
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, kMutants);
}

INSTANTIATE_TEST_SUITE_P(Files, TorchMutationTest,
                         ::testing::Values("state.pth", "state.legacy.pth", "training.pth",
                                           "training.legacy.pth", "module_state.legacy.pth"),
                         [](const auto& info) { return "File" + std::to_string(info.index); });

}  // namespace
}  // namespace siskin::pull
