#include "server/pull/torch/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

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
using ::testing::HasSubstr;

Pickle Parsed(const std::string& body) {
  auto pickle = Pickle::Parse(Bytes(kProto2 + body + "."));
  EXPECT_TRUE(pickle.ok()) << pickle.status();
  return *std::move(pickle);
}

template <typename T>
T Value(const std::string& body) {
  const Pickle pickle = Parsed(body);
  const T* value = pickle.root().As<T>();
  EXPECT_NE(value, nullptr);
  return value == nullptr ? T() : *value;
}

std::string Error(const std::string& body) {
  const auto pickle = Pickle::Parse(Bytes(kProto2 + body));
  EXPECT_FALSE(pickle.ok());
  return std::string(pickle.status().message());
}

TEST(PickleTest, Numbers) {
  EXPECT_EQ(Value<int64_t>("K\xff"), 255);
  EXPECT_EQ(Value<int64_t>("M\xff\xff"), 65535);
  EXPECT_EQ(Value<int64_t>(Int(-2)), -2);
  EXPECT_EQ(Value<int64_t>(std::string("\x8a\x00", 2)), 0);
  EXPECT_EQ(Value<int64_t>("\x8a\x01\xff"), -1);
  EXPECT_EQ(Value<int64_t>("\x8a\x05" + Little(uint64_t{1} << 33, 5)), int64_t{1} << 33);
  EXPECT_EQ(Value<double>(std::string("G\x3f\xf8\0\0\0\0\0\0", 9)), 1.5);
  EXPECT_TRUE(Value<bool>("\x88"));
  EXPECT_FALSE(Value<bool>("\x89"));
}

TEST(PickleTest, TextsOfBothPythons) {
  EXPECT_EQ(Value<std::string>(Text("caf\xc3\xa9")), "caf\xc3\xa9");
  EXPECT_EQ(Value<std::string>("U\x02hi"), "hi");
  EXPECT_EQ(Value<std::string>("T" + Little(2, 4) + "hi"), "hi");
}

TEST(PickleTest, ContainersFillUpAfterTheyAreRemembered) {
  // {"a": [1, 2], "b": (3,)} with the dict remembered first, as torch.save writes it.
  const Pickle pickle = Parsed("}q\x01(" + Text("a") +
                               "](K\x01K\x02"
                               "e" +
                               Text("b") + "K\x03\x85u");
  const auto* dict = pickle.root().As<PickleDict>();
  ASSERT_NE(dict, nullptr);
  ASSERT_EQ(dict->items.size(), 2u);
  EXPECT_EQ(*dict->items[0].first->As<std::string>(), "a");
  EXPECT_EQ(dict->items[0].second->As<PickleList>()->items.size(), 2u);
  EXPECT_EQ(*dict->items[1].second->As<PickleTuple>()->items[0]->As<int64_t>(), 3);
}

TEST(PickleTest, OrderedDictOfPython2) {
  const auto dict = Value<PickleDict>(Global("collections", "OrderedDict") + "(](](" + Text("a") +
                                      "K\x01"
                                      "e"
                                      "etR");
  EXPECT_EQ(dict.items.size(), 1u);
}

TEST(PickleTest, AttributesOfADictAreIgnored) {
  const std::string dict = Global("collections", "OrderedDict") + ")R";
  EXPECT_TRUE(Value<PickleDict>(dict + "}" + Text("_metadata") + dict + "sb").items.empty());
}

TEST(PickleTest, TensorsAndTheirStorages) {
  const Pickle pickle =
      Parsed(Tensor(Storage("0", 6), 1, Int(2) + Int(2) + "\x86", Int(1) + Int(2) + "\x86"));
  const auto* tensor = pickle.root().As<TorchTensor>();
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->storage.key, "0");
  EXPECT_EQ(tensor->offset, 1);
  EXPECT_THAT(tensor->shape, ElementsAre(2, 2));
  EXPECT_THAT(tensor->strides, ElementsAre(1, 2));
  EXPECT_EQ(pickle.storages().at("0").elements, 6);
}

TEST(PickleTest, EndsAtItsStop) {
  const auto pickle = Pickle::Parse(Bytes(kProto2 + "K\x01.cos\nsystem\n"));
  ASSERT_TRUE(pickle.ok());
  EXPECT_EQ(pickle->size(), kProto2.size() + 3);
}

TEST(PickleTest, CyclesAndDepthAreHarmless) {
  EXPECT_EQ(Value<PickleList>("]q\x01h\x01"
                              "a")
                .items.size(),
            1u);  // a list of itself
  std::string deep = "K\x01";
  for (int i = 0; i < 100'000; ++i) deep += "\x85";
  EXPECT_EQ(Value<PickleTuple>(deep).items.size(), 1u);
}

TEST(PickleErrorTest, EveryPrefixIsTruncated) {
  const std::string whole = kProto2 + "}(" + Text("key") +
                            Tensor(Storage("0", 6), 0, Int(6) + "\x85", Int(1) + "\x85") +
                            Text("n") + "\x8a\x01\x01u.";
  ASSERT_TRUE(Pickle::Parse(Bytes(whole)).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Pickle::Parse(Bytes(whole.substr(0, size))).ok()) << size;
  }
}

struct ForbiddenCase {
  const char* what;
  std::string pickle;
  std::string named;  // in the message
};

class ForbiddenTest : public ::testing::TestWithParam<ForbiddenCase> {};

TEST_P(ForbiddenTest, IsRefusedAndNamed) {
  EXPECT_THAT(Error(GetParam().pickle), HasSubstr(GetParam().named));
}

// Every way in which a pickle makes Python run something.
INSTANTIATE_TEST_SUITE_P(
    Ways, ForbiddenTest,
    ::testing::Values(
        ForbiddenCase{"Reduce", Global("os", "system") + "(" + Text("touch x") + "tR.",
                      "\"os.system\""},
        ForbiddenCase{"Posix", Global("posix", "system") + "(" + Text("touch x") + "tR.",
                      "\"posix.system\""},
        ForbiddenCase{"Builtin", Global("__builtin__", "eval") + "(" + Text("1") + "tR.",
                      "\"__builtin__.eval\""},
        ForbiddenCase{"NameWithDots", Global("torch", "_utils.os.system") + ")R.",
                      "\"torch._utils.os.system\""},
        ForbiddenCase{"ModuleOfAnAllowedName", Global("evil", "OrderedDict") + ")R.",
                      "\"evil.OrderedDict\""},
        ForbiddenCase{"LongerName", Global("collections", "OrderedDict2") + ")R.",
                      "\"collections.OrderedDict2\""},
        ForbiddenCase{"CopyReg", Global("copy_reg", "_reconstructor") + ")R.",
                      "\"copy_reg._reconstructor\""},
        ForbiddenCase{"TorchLoad", Global("torch", "load") + "(" + Text("x") + "tR.",
                      "\"torch.load\""},
        ForbiddenCase{"StackGlobal", Text("os") + Text("system") + "\x93.", "opcode 0x93"},
        ForbiddenCase{"Inst", "(" + Text("touch x") + "ios\nsystem\n.", "opcode 0x69"},
        ForbiddenCase{"Obj", "(" + Global("collections", "OrderedDict") + "o.", "opcode 0x6f"},
        ForbiddenCase{"NewObj", Global("collections", "OrderedDict") + ")\x81.", "opcode 0x81"},
        ForbiddenCase{"NewObjEx", Global("collections", "OrderedDict") + ")}\x92.", "opcode 0x92"},
        ForbiddenCase{"Ext1", "\x82\x01.", "opcode 0x82"},
        ForbiddenCase{"Ext2", "\x83\x01\x02.", "opcode 0x83"},
        ForbiddenCase{"Ext4", "\x84\x01\x02\x03\x04.", "opcode 0x84"},
        ForbiddenCase{"TextPersistentId", "Pid\n.", "opcode 0x50"},
        ForbiddenCase{"Frame", "\x95" + Little(1, 8) + "N.", "opcode 0x95"},
        ForbiddenCase{"BuildOnAStorage", Storage("0", 1) + "}b.", "no dict"},
        ForbiddenCase{"CallOfAStorageClass", Global("torch", "FloatStorage") + ")R.",
                      "no function"},
        ForbiddenCase{"CallOfAText", Text("os.system") + ")R.", "no function"}),
    [](const auto& info) { return info.param.what; });

TEST(PickleErrorTest, EveryOpcodeIsKnownOrRefused) {
  for (int opcode = 0; opcode < 256; ++opcode) {
    const std::string pickle = kProto2 + "N" + static_cast<char>(opcode);
    EXPECT_FALSE(Pickle::Parse(Bytes(pickle)).ok() && opcode != '.') << opcode;
  }
}

TEST(PickleErrorTest, Protocols) {
  EXPECT_THAT(Error("\x80\x04N."), HasSubstr("pickle protocol 4"));
}

TEST(PickleErrorTest, StackUnderflow) {
  for (const char* body : {".", "a", "s", "R", "b", "Q", "\x85", "\x86", "\x87", "q\x01", "t", "e",
                           "u", "NR", "Ns", "}Ns"}) {
    EXPECT_THAT(Error(std::string(body) + "."), HasSubstr("needs")) << body;
  }
  // What is below a mark is out of reach.
  EXPECT_THAT(Error("]N(a."), HasSubstr("needs 1 values, but there are 0"));
  EXPECT_THAT(Error("N(."), HasSubstr("needs"));
  EXPECT_THAT(Error("NN."), HasSubstr("left over"));
}

TEST(PickleErrorTest, WrongKinds) {
  EXPECT_THAT(Error("}Na."), HasSubstr("no list"));
  EXPECT_THAT(Error("]NNs."), HasSubstr("no dict"));
  EXPECT_THAT(Error("}(Nu."), HasSubstr("a key without a value"));
  EXPECT_THAT(Error("h\x07."), HasSubstr("nothing was remembered as 7"));
  EXPECT_THAT(Error("NQ."), HasSubstr("a storage is not"));
  EXPECT_THAT(Error("\x8a\x09"
                    "123456789."),
              HasSubstr("64 bits"));
}

TEST(PickleErrorTest, TensorsOfNonsense) {
  const std::string one = Int(1) + "\x85";
  const auto rebuild = [](const std::string& arguments) {
    return Global("torch._utils", "_rebuild_tensor_v2") + "(" + arguments + "tR.";
  };
  for (const std::string& arguments :
       {std::string(), Storage("0", 1), Text("0") + Int(0) + one + one,
        Storage("0", 1) + Int(-1) + one + one, Storage("0", 1) + Int(0) + Int(-1) + "\x85" + one,
        Storage("0", 1) + Int(0) + one + ")", Storage("0", 1) + Int(0) + Text("1") + one}) {
    EXPECT_THAT(Error(rebuild(arguments)), HasSubstr("a tensor is made of"));
  }
  EXPECT_THAT(Error(Global("torch._utils", "_rebuild_parameter") + "(NtR."),
              HasSubstr("a parameter is made of"));
}

TEST(PickleErrorTest, StoragesOfNonsense) {
  EXPECT_THAT(Error(Storage("0", -1) + "."), HasSubstr("out of range"));
  EXPECT_THAT(Error(Storage("", 1) + "."), HasSubstr("out of range"));
  EXPECT_THAT(Error(Storage(std::string(1000, 'x'), 1) + "."), HasSubstr("out of range"));
  EXPECT_THAT(Error(Storage("0", 1, "ComplexFloatStorage") + "."), HasSubstr("ComplexFloat"));
  EXPECT_THAT(Error("]" + Storage("0", 1) + "a" + Storage("0", 2) + "a."),
              HasSubstr("two sizes or types"));
  EXPECT_THAT(Error("]" + Storage("0", 1) + "a" + Storage("0", 1, "LongStorage") + "a."),
              HasSubstr("two sizes or types"));
}

TEST(PickleErrorTest, HugeLengthsAskForNoMemory) {
  EXPECT_THAT(Error("X\xff\xff\xff\xff."), HasSubstr("truncated"));
  EXPECT_THAT(Error("T\xff\xff\xff\x7f."), HasSubstr("truncated"));
  EXPECT_THAT(Error("c" + std::string(10'000, 'x')), HasSubstr("no end of line"));
}

TEST(PickleErrorTest, BombsAreCounted) {
  EXPECT_THAT(Error(std::string(kMaxPickleValues + 1, 'N')), HasSubstr("more than"));
  EXPECT_THAT(Error(std::string(kMaxPickleValues + 1, '(')), HasSubstr("more than"));
  // A long list of pairs, made into a dict again and again.
  std::string pairs = "](";
  for (int i = 0; i < 100'000; ++i) pairs += "NN\x86";
  std::string bomb = pairs + "e\x85q\x01" + Global("collections", "OrderedDict") + "q\x02";
  for (int i = 0; i < 100; ++i) bomb += "h\x02h\x01R";
  EXPECT_THAT(Error(bomb), HasSubstr("more than"));
  // The memo, filled by large indices.
  std::string memo = "N";
  for (uint32_t i = 0; i <= kMaxPickleValues; ++i) memo += "r" + Little(i * 4096u, 4);
  EXPECT_THAT(Error(memo), HasSubstr("more than"));
}

}  // namespace
}  // namespace siskin::pull
