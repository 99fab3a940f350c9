#include "ops/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/fakes/shared_data.h"

namespace siskin::ops {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

// The bytes of a file with this header, then `data_bytes` bytes 0, 1, 2, ...
std::string FileBytes(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string bytes(sizeof(length), '\0');
  std::memcpy(bytes.data(), &length, sizeof(length));
  bytes += header;
  for (size_t i = 0; i < data_bytes; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

// Parses a copy of exactly `bytes`, so that AddressSanitizer sees any access outside.
absl::StatusOr<Checkpoint> ParseBytes(const std::string& bytes) {
  auto owner = std::make_shared<const std::vector<uint8_t>>(bytes.begin(), bytes.end());
  const absl::Span<const uint8_t> span(*owner);
  return Checkpoint::Parse(span, std::move(owner), "test.safetensors");
}

absl::StatusOr<Checkpoint> ParseFile(const std::string& header, size_t data_bytes) {
  return ParseBytes(FileBytes(header, data_bytes));
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// A file in the test's own folder.
class CheckpointFile : public ::testing::Test {
 protected:
  CheckpointFile() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(::testing::TempDir()) /
              absl::StrCat("siskin_", test->name(), "_", getpid());
    std::filesystem::create_directories(folder_);
  }
  ~CheckpointFile() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  std::string WriteFile(const std::string& bytes) const {
    std::ofstream(Path("file"), std::ios::binary) << bytes;
    return Path("file");
  }

  std::filesystem::path folder_;
};

TEST(CheckpointParse, ReadsEveryDType) {
  // 1.0 and -2.0 in each type.
  std::string bytes = FileBytes(R"({"f":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                                R"("n":{"dtype":"I64","shape":[],"data_offsets":[8,16]},)"
                                R"("h":{"dtype":"F16","shape":[1,2],"data_offsets":[16,20]},)"
                                R"("b":{"dtype":"BF16","shape":[2,1],"data_offsets":[20,24]}})",
                                0);
  const float f32[] = {1.0f, -2.0f};
  const int64_t i64 = 7;
  const uint16_t f16[] = {0x3c00, 0xc000};
  const uint16_t bf16[] = {0x3f80, 0xc000};
  bytes.append(reinterpret_cast<const char*>(f32), sizeof(f32));
  bytes.append(reinterpret_cast<const char*>(&i64), sizeof(i64));
  bytes.append(reinterpret_cast<const char*>(f16), sizeof(f16));
  bytes.append(reinterpret_cast<const char*>(bf16), sizeof(bf16));

  const auto checkpoint = ParseBytes(bytes);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->tensors().size(), 4u);
  for (const char* key : {"f", "h", "b"}) {
    const auto data = checkpoint->Read(key);
    ASSERT_TRUE(data.ok()) << data.status();
    EXPECT_THAT(data->values(), ElementsAre(1.0f, -2.0f)) << key;
  }
  EXPECT_THAT(checkpoint->tensors().at("h").shape, ElementsAre(1, 2));
  EXPECT_THAT(checkpoint->tensors().at("n").shape, IsEmpty());

  const auto integer = checkpoint->Read("n");
  EXPECT_EQ(integer.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(integer.status()), HasSubstr("\"n\": expected F32, F16 or BF16"));
  const auto absent = checkpoint->Read("absent");
  EXPECT_EQ(absent.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(absent.status()), HasSubstr("test.safetensors: no tensor \"absent\""));
}

TEST(CheckpointParse, AcceptsWhatTheFormatAllows) {
  EXPECT_TRUE(ParseFile("{}", 0).ok());
  EXPECT_TRUE(ParseFile("{}      ", 0).ok());
  // Empty tensors, any order of members, metadata.
  const auto checkpoint = ParseFile(R"({"b":{"data_offsets":[4,8],"shape":[1,1],"dtype":"F32"},)"
                                    R"("__metadata__":{"format":"pt","empty":""},)"
                                    R"("e":{"dtype":"F32","shape":[0,3],"data_offsets":[4,4]},)"
                                    R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}})",
                                    8);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->metadata(),
              UnorderedElementsAre(Pair("format", "pt"), Pair("empty", "")));
  EXPECT_TRUE(checkpoint->Contains("e"));
  EXPECT_FALSE(checkpoint->Contains("__metadata__"));
  EXPECT_TRUE(checkpoint->Read("e")->empty());
}

struct BadFile {
  const char* name;
  std::string header;
  size_t data_bytes;
  const char* message;  // part of it
};
void PrintTo(const BadFile& bad, std::ostream* out) { *out << bad.name; }

std::string Entry(const std::string& fields) { return absl::StrCat(R"({"w":{)", fields, "}}"); }
std::string Shaped(const std::string& shape, const std::string& offsets) {
  return Entry(absl::StrCat(R"("dtype":"F32","shape":)", shape, R"(,"data_offsets":)", offsets));
}
const char kFour[] = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";

class CheckpointRefuses : public ::testing::TestWithParam<BadFile> {};

TEST_P(CheckpointRefuses, WithAMessage) {
  const auto checkpoint = ParseFile(GetParam().header, GetParam().data_bytes);
  ASSERT_FALSE(checkpoint.ok());
  EXPECT_EQ(checkpoint.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(checkpoint.status()), HasSubstr("test.safetensors: "));
  EXPECT_THAT(Message(checkpoint.status()), HasSubstr(GetParam().message));
  EXPECT_LT(Message(checkpoint.status()).size(), 600u);
}

INSTANTIATE_TEST_SUITE_P(
    Header, CheckpointRefuses,
    ::testing::Values(BadFile{"Empty", "", 0, "must be a JSON object, but begins with \"\""},
                      BadFile{"Array", "[1]", 0, "must be a JSON object, but begins with \"[1]\""},
                      BadFile{"ByteOrderMark", "\xef\xbb\xbf{}", 0,
                              "begins with \"\\xef\\xbb\\xbf{}\""},
                      BadFile{"LeadingSpace", " {}", 0, "must be a JSON object"},
                      BadFile{"CutOff", R"({"w":{"dtype")", 0, "not valid JSON near its byte 14"},
                      BadFile{"Trailing", "{} x", 0, "not valid JSON"},
                      BadFile{"TrailingObject", "{}{}", 0, "not valid JSON"},
                      BadFile{"ZeroByte", std::string("{}\0x", 4), 0, "zero at its byte 2"},
                      BadFile{"BadUtf8", "{\"\xff\":1}", 0, "not valid JSON"},
                      BadFile{"HugeNumber", Shaped("[1e999]", "[0,4]"), 4, "not valid JSON"},
                      BadFile{"DeepNesting", "{\"w\":" + std::string(100000, '['), 0,
                              "\"w\": expected an object, found an array"}),
    ::testing::PrintToStringParamName());

INSTANTIATE_TEST_SUITE_P(
    Names, CheckpointRefuses,
    ::testing::Values(
        BadFile{"Empty", absl::StrCat(R"({"":)", kFour, "}"), 4, "empty name"},
        BadFile{"Long", absl::StrCat(R"({")", std::string(513, 'x'), R"(":)", kFour, "}"), 4,
                "513 bytes, at most 512"},
        BadFile{"Control", absl::StrCat(R"({"a\n":)", kFour, "}"), 4, "control character"},
        BadFile{"Twice", absl::StrCat(R"({"w":)", kFour, R"(,"w":)", kFour, "}"), 4,
                "tensor \"w\" occurs twice"},
        BadFile{"TwiceEscaped", absl::StrCat(R"({"w":)", kFour, R"(,"\u0077":)", kFour, "}"), 4,
                "tensor \"w\" occurs twice"}),
    ::testing::PrintToStringParamName());

INSTANTIATE_TEST_SUITE_P(
    Metadata, CheckpointRefuses,
    ::testing::Values(BadFile{"NotAnObject", R"({"__metadata__":3})", 0,
                              "__metadata__: expected an object, found a number"},
                      BadFile{"NotAString", R"({"__metadata__":{"a":3}})", 0,
                              "__metadata__ \"a\": expected a string, found a number"},
                      BadFile{"Nested", R"({"__metadata__":{"a":{}}})", 0,
                              "expected a string, found an object"},
                      BadFile{"KeyTwice", R"({"__metadata__":{"a":"","a":""}})", 0,
                              "__metadata__ \"a\" occurs twice"},
                      BadFile{"Twice", R"({"__metadata__":{},"__metadata__":{}})", 0,
                              "__metadata__ occurs twice"}),
    ::testing::PrintToStringParamName());

INSTANTIATE_TEST_SUITE_P(
    Fields, CheckpointRefuses,
    ::testing::Values(
        BadFile{"EntryIsNull", R"({"w":null})", 0, "tensor \"w\": expected an object, found null"},
        BadFile{"EntryIsText", R"({"w":"F32"})", 0, "expected an object, found a string"},
        BadFile{"NoDType", Entry(R"("shape":[],"data_offsets":[0,4])"), 4, "\"w\": no dtype"},
        BadFile{"NoShape", Entry(R"("dtype":"F32","data_offsets":[0,4])"), 4, "\"w\": no shape"},
        BadFile{"NoOffsets", Entry(R"("dtype":"F32","shape":[])"), 4, "\"w\": no data_offsets"},
        BadFile{"Unknown", Entry(R"("stride":[1])"), 4, "unknown field \"stride\""},
        BadFile{"Twice", Entry(R"("dtype":"F32","dtype":"F16")"), 4, "\"w\": dtype occurs twice"},
        BadFile{"UnknownDType", Entry(R"("dtype":"F8_E4M3")"), 4,
                "\"w\": dtype \"F8_E4M3\" is not supported; supported are F32, F16, BF16 and I64"},
        BadFile{"LowerCaseDType", Entry(R"("dtype":"f32")"), 4, "\"f32\" is not supported"},
        BadFile{"DTypeIsNumber", Entry(R"("dtype":32)"), 4, "dtype: expected a string"},
        BadFile{"DTypeIsBool", Entry(R"("dtype":true)"), 4, "found a boolean"},
        BadFile{"ShapeIsNumber", Shaped("4", "[0,4]"), 4,
                "shape: expected an array of non-negative integers, found a number"},
        BadFile{"ShapeIsText", Shaped(R"("4")", "[0,4]"), 4, "found a string"},
        BadFile{"NegativeExtent", Shaped("[-1]", "[0,4]"), 4,
                "shape: expected a non-negative integer, found -1"},
        BadFile{"FractionalExtent", Shaped("[1.0]", "[0,4]"), 4, "found \"1.0\""},
        BadFile{"TextExtent", Shaped(R"(["1"])", "[0,4]"), 4, "found a string"},
        BadFile{"NestedShape", Shaped("[[1]]", "[0,4]"), 4, "found an array"},
        BadFile{"Extent2To63", Shaped("[9223372036854775808]", "[0,4]"), 4, "too large"},
        BadFile{"Extent2To64", Shaped("[18446744073709551616]", "[0,4]"), 4,
                "found \"18446744073709551616\""},
        BadFile{"Rank9", Shaped("[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "more than 8 numbers"},
        BadFile{"ProductOverflows", Shaped("[4294967296,4294967296]", "[0,4]"), 4,
                "F32 [4294967296, 4294967296] overflows"},
        BadFile{"BytesOverflow", Shaped("[4611686018427387904]", "[0,0]"), 0, "overflows 64 bits"}),
    ::testing::PrintToStringParamName());

std::string Two(const char* first, const char* second) {
  return absl::StrCat(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)", first,
                      R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)", second, "}}");
}

INSTANTIATE_TEST_SUITE_P(
    Offsets, CheckpointRefuses,
    ::testing::Values(
        BadFile{"None", Shaped("[1]", "[]"), 4, "expected [begin, end], found 0 numbers"},
        BadFile{"One", Shaped("[1]", "[4]"), 4, "found 1 numbers"},
        BadFile{"Three", Shaped("[1]", "[0,4,8]"), 4, "found 3 numbers"},
        BadFile{"Negative", Shaped("[1]", "[-4,0]"), 4, "found -4"},
        BadFile{"Object", Shaped("[1]", "{}"), 4, "found an object"},
        BadFile{"Backwards", Shaped("[1]", "[4,0]"), 4, "data_offsets [4, 0] end before"},
        BadFile{"TooShort", Shaped("[3]", "[0,8]"), 8,
                "tensor \"w\": F32 [3] needs 12 bytes, data_offsets [0, 8] hold 8"},
        BadFile{"TooLong", Shaped("[1]", "[0,8]"), 8, "needs 4 bytes"},
        BadFile{"BeyondData", Shaped("[2]", "[0,8]"), 7,
                "tensor \"w\": data_offsets [0, 8] end beyond the 7 bytes of data"},
        BadFile{"FarBeyondData", Shaped("[1]", "[9223372036854775803,9223372036854775807]"), 4,
                "end beyond"},
        BadFile{"HoleFirst", Shaped("[1]", "[4,8]"), 8, "leave a hole: expected to begin at 0"},
        BadFile{"HoleBetween", Two("[0,4]", "[8,12]"), 12,
                "tensor \"b\": data_offsets [8, 12] leave a hole: expected to begin at 4"},
        BadFile{"HoleAtEnd", Two("[0,4]", "[4,8]"), 9, "the tensors end at byte 8 of 9"},
        BadFile{"Overlap", Two("[0,4]", "[2,6]"), 6,
                "tensor \"b\": data_offsets [2, 6] overlap another tensor"},
        BadFile{"Same", Two("[0,4]", "[0,4]"), 4, "overlap another tensor"},
        BadFile{"NoTensors", "{}", 4, "the tensors end at byte 0 of 4"}),
    ::testing::PrintToStringParamName());

TEST(CheckpointParse, RefusesLyingLengths) {
  const auto parse = [](const std::string& bytes) { return ParseBytes(bytes).status(); };
  for (size_t size : {0, 1, 7}) {
    EXPECT_THAT(Message(parse(std::string(size, '{'))),
                HasSubstr(absl::StrCat("at least 8 bytes, this one has ", size)));
  }
  EXPECT_THAT(Message(parse(std::string(8, '\0'))), HasSubstr("must be a JSON object"));
  EXPECT_THAT(Message(parse(std::string(64, '\xff'))),
              HasSubstr("a header of 18446744073709551615 bytes, but the file has only 64"));
  EXPECT_THAT(Message(parse(FileBytes("{}", 0).substr(0, 9))), HasSubstr("truncated"));
}

TEST(CheckpointParse, RefusesTooMuch) {
  const std::string long_header(Checkpoint::kMaxHeaderBytes + 1, ' ');
  EXPECT_EQ(ParseFile(long_header, 0).status().code(), absl::StatusCode::kResourceExhausted);

  const auto header_with = [](int64_t tensors) {
    std::string header = "{";
    for (int64_t i = 0; i < tensors; ++i) {
      absl::StrAppend(&header, i > 0 ? "," : "", "\"", i,
                      R"(":{"dtype":"F32","shape":[0],"data_offsets":[0,0]})");
    }
    return header + "}";
  };
  EXPECT_TRUE(ParseFile(header_with(Checkpoint::kMaxTensors), 0).ok());
  const auto refused = ParseFile(header_with(Checkpoint::kMaxTensors + 1), 0).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Message(refused), HasSubstr("more than 65536 tensors"));

  std::string metadata = R"({"__metadata__":{"x":"")";
  for (int64_t i = 0; i < Checkpoint::kMaxTensors; ++i) {
    absl::StrAppend(&metadata, ",\"", i, "\":\"\"");
  }
  EXPECT_EQ(ParseFile(metadata + "}}", 0).status().code(), absl::StatusCode::kResourceExhausted);
}

// The value of a half by its definition, unlike the bit arithmetic under test.
float HalfByFormula(uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const int fraction = bits & 1023;
  double value;
  if (exponent == 31) {
    value = fraction == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
  } else if (exponent == 0) {
    value = std::ldexp(fraction / 1024.0, -14);
  } else {
    value = std::ldexp(1 + fraction / 1024.0, exponent - 15);
  }
  return static_cast<float>((bits & 0x8000) != 0 ? -value : value);
}

// As HalfByFormula, for the type with 8 bits of exponent and 7 of fraction.
float BFloatByFormula(uint16_t bits) {
  const int exponent = (bits >> 7) & 255;
  const int fraction = bits & 127;
  double value;
  if (exponent == 255) {
    value = fraction == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
  } else if (exponent == 0) {
    value = std::ldexp(fraction / 128.0, -126);
  } else {
    value = std::ldexp(1 + fraction / 128.0, exponent - 127);
  }
  return static_cast<float>((bits & 0x8000) != 0 ? -value : value);
}

// Reads a tensor of all 65536 values of a 16-bit type and compares.
void ExpectConversion(const std::string& dtype, float (*expected)(uint16_t)) {
  std::string bytes = FileBytes(absl::StrCat(R"({"all":{"dtype":")", dtype,
                                             R"(","shape":[65536],"data_offsets":[0,131072]}})"),
                                0);
  for (int bits = 0; bits < 65536; ++bits) {
    bytes.push_back(static_cast<char>(bits & 0xff));
    bytes.push_back(static_cast<char>(bits >> 8));
  }
  const auto checkpoint = ParseBytes(bytes);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const auto data = checkpoint->Read("all");
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_EQ(data->values().size(), 65536u);
  for (int bits = 0; bits < 65536; ++bits) {
    const float found = data->values()[bits];
    const float want = expected(static_cast<uint16_t>(bits));
    ASSERT_EQ(std::isnan(found), std::isnan(want)) << bits;
    ASSERT_TRUE(std::isnan(want) || found == want) << bits << ": " << found << " != " << want;
    ASSERT_EQ(std::signbit(found), (bits & 0x8000) != 0) << bits;
  }
}

TEST(CheckpointRead, ConvertsEveryF16) { ExpectConversion("F16", HalfByFormula); }
TEST(CheckpointRead, ConvertsEveryBF16) { ExpectConversion("BF16", BFloatByFormula); }

TEST(CheckpointRead, BorrowsAlignedAndCopiesUnaligned) {
  std::string header = absl::StrCat(R"({"a":)", kFour, "}");
  while (header.size() % alignof(float) != 0) header += ' ';
  const std::string aligned = FileBytes(header, 4);
  const std::string unaligned = FileBytes(header + ' ', 4);
  float expected;
  std::memcpy(&expected, "\0\1\2\3", sizeof(expected));
  for (const std::string& bytes : {aligned, unaligned}) {
    const auto checkpoint = ParseBytes(bytes);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    const auto data = checkpoint->Read("a");
    ASSERT_TRUE(data.ok()) << data.status();
    EXPECT_THAT(data->values(), ElementsAre(expected));
    const void* in_file = checkpoint->tensors().at("a").bytes.data();
    EXPECT_EQ(static_cast<const void*>(data->values().data()) == in_file, bytes == aligned);
  }
}

TEST_F(CheckpointFile, DataOutlivesTheCheckpoint) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const NamedTensor tensor{"w", {2, 3}, values};
  ASSERT_TRUE(WriteCheckpoint(Path("file"), {tensor}, {}).ok());
  TensorData data;
  {
    auto checkpoint = Checkpoint::Open(Path("file"));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    data = *checkpoint->Read("w");
    EXPECT_EQ(static_cast<const void*>(data.values().data()),
              checkpoint->tensors().at("w").bytes.data());
  }
  std::filesystem::remove(Path("file"));
  const TensorData copy = data;
  data = TensorData();
  EXPECT_THAT(copy.values(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST_F(CheckpointFile, RoundTrips) {
  const std::vector<float> a = {0.5f, -1.25f, std::numeric_limits<float>::infinity()};
  const std::vector<float> b = {42};
  const std::vector<NamedTensor> tensors = {
      {"z.first", {3, 1}, a}, {"quote\" \\ \xc3\xa4", {}, b}, {"empty", {0}, {}}};
  const std::map<std::string, std::string> metadata = {{"format", "pt"}, {"note", "a\n\"b\""}};
  ASSERT_TRUE(WriteCheckpoint(Path("file"), tensors, metadata).ok());

  const auto checkpoint = Checkpoint::Open(Path("file"));
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->name(), Path("file"));
  EXPECT_EQ(checkpoint->tensors().size(), 3u);
  for (const NamedTensor& tensor : tensors) {
    EXPECT_EQ(checkpoint->tensors().at(tensor.key).shape, tensor.shape);
    EXPECT_EQ(checkpoint->Read(tensor.key)->values(), tensor.values) << tensor.key;
  }
  EXPECT_THAT(checkpoint->metadata(),
              UnorderedElementsAre(Pair("format", "pt"), Pair("note", "a\n\"b\"")));

  // The header is padded with spaces, so that the data is aligned.
  std::ifstream file(Path("file"), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  uint64_t length;
  std::memcpy(&length, bytes.data(), sizeof(length));
  EXPECT_EQ(length % 8, 0u);
  EXPECT_EQ(bytes.size(), 8 + length + 16);
}

TEST_F(CheckpointFile, WriterRefusesWhatTheReaderWould) {
  const std::vector<float> two = {1, 2};
  const auto write = [&](std::vector<NamedTensor> tensors,
                         std::map<std::string, std::string> metadata = {}) {
    return WriteCheckpoint(Path("file"), tensors, metadata);
  };
  EXPECT_THAT(Message(write({{"w", {3}, two}})), HasSubstr("needs 12 bytes"));
  EXPECT_THAT(Message(write({{"w", {-2}, two}})), HasSubstr("found -2"));
  EXPECT_THAT(Message(write({{"w", {2}, two}, {"w", {2}, two}})), HasSubstr("occurs twice"));
  EXPECT_THAT(Message(write({{"", {2}, two}})), HasSubstr("empty name"));
  EXPECT_THAT(Message(write({{"\xff", {2}, two}})), HasSubstr("not UTF-8"));
  EXPECT_THAT(Message(write({{"w", {2}, two}}, {{"a", "\xff"}})), HasSubstr("not UTF-8"));
  EXPECT_FALSE(write({{"__metadata__", {2}, two}}).ok());
  EXPECT_FALSE(std::filesystem::exists(Path("file")));
  EXPECT_EQ(WriteCheckpoint(Path("absent/file"), {}, {}).code(), absl::StatusCode::kNotFound);
}

TEST_F(CheckpointFile, OpenTellsWhatIsNotAFile) {
  EXPECT_EQ(Checkpoint::Open(Path("absent")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(Checkpoint::Open(Path("absent")).status()), HasSubstr(Path("absent")));

  const absl::Status folder = Checkpoint::Open(folder_.string()).status();
  EXPECT_EQ(folder.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(folder), HasSubstr("found a directory"));

  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(Checkpoint::Open(Path("pipe")).status().code(), absl::StatusCode::kInvalidArgument);

  const absl::Status empty = Checkpoint::Open(WriteFile("")).status();
  EXPECT_EQ(empty.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(empty), HasSubstr("this one has 0"));
}

// A valid file with several tensors and metadata, to be damaged.
std::string ValidFile() {
  return FileBytes(R"({"__metadata__":{"format":"pt"},)"
                   R"("conv.weight":{"dtype":"F32","shape":[2,1,3],"data_offsets":[0,24]},)"
                   R"("conv.bias":{"dtype":"F16","shape":[2],"data_offsets":[24,28]},)"
                   R"("bn.mean":{"dtype":"BF16","shape":[2],"data_offsets":[28,32]},)"
                   R"("bn.num_batches_tracked":{"dtype":"I64","shape":[],"data_offsets":[32,40]}})",
                   40);
}

// Reads all that a parsed file promises; under AddressSanitizer a lie is a crash.
void ReadEverything(const Checkpoint& checkpoint) {
  for (const auto& [key, entry] : checkpoint.tensors()) {
    int64_t elements = 1;
    for (int64_t extent : entry.shape) elements *= extent;
    ASSERT_EQ(entry.bytes.size(), static_cast<size_t>(elements * SizeOf(entry.dtype)));
    const auto data = checkpoint.Read(key);
    if (!data.ok()) {
      ASSERT_EQ(entry.dtype, DType::kI64);
      continue;
    }
    ASSERT_EQ(data->values().size(), static_cast<size_t>(elements));
    const std::vector<float> touched(data->values().begin(), data->values().end());
    ASSERT_EQ(touched.size(), data->values().size());
  }
}

TEST(CheckpointFuzz, EveryTruncationIsRefused) {
  const std::string valid = ValidFile();
  ASSERT_TRUE(ParseBytes(valid).ok());
  for (size_t size = 0; size < valid.size(); ++size) {
    EXPECT_FALSE(ParseBytes(valid.substr(0, size)).ok()) << size;
  }
}

TEST(CheckpointFuzz, EveryByteFlipIsHandled) {
  const std::string valid = ValidFile();
  int refused = 0;
  for (size_t i = 0; i < valid.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = valid;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      const auto checkpoint = ParseBytes(damaged);
      if (checkpoint.ok()) ReadEverything(*checkpoint);
      refused += checkpoint.ok() ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 500);  // the structure is checked; names and data may be anything
}

TEST(CheckpointFuzz, RandomDamageIsHandled) {
  const std::string valid = ValidFile();
  const std::string tokens = "{}[]\":,0123456789-eE.\\ \t\xff";
  std::minstd_rand random(20240229);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string damaged = valid;
    for (uint32_t edits = 1 + random() % 4; edits > 0 && damaged.size() > 8; --edits) {
      const size_t at = random() % damaged.size();
      switch (random() % 4) {
        case 0:
          damaged[at] = static_cast<char>(random());
          break;
        case 1:
          damaged[at] = tokens[random() % tokens.size()];
          break;
        case 2:
          damaged.insert(at, 1, tokens[random() % tokens.size()]);
          break;
        case 3:
          damaged.erase(at, 1 + random() % 8);
          break;
      }
    }
    const auto checkpoint = ParseBytes(damaged);
    if (checkpoint.ok()) ReadEverything(*checkpoint);
    refused += checkpoint.ok() ? 0 : 1;
  }
  EXPECT_GT(refused, 10000);
}

TEST(CheckpointShared, OpensRealFiles) {
  const struct {
    const char* path;
    size_t tensors;
    const char* key;
    std::vector<int64_t> shape;
  } files[] = {
      {"models/mobilenet_v2/model.safetensors", 106, "features.0.0.weight", {32, 3, 3, 3}},
      {"models/golden/mobilenet_v2.safetensors", 2, "logits", {2, 1000}},
      {"models/blazeface_front/model.safetensors", 75, "anchors", {896, 4}},
  };
  for (const auto& file : files) {
    SISKIN_SKIP_WITHOUT_SHARED(file.path);
    const auto checkpoint = Checkpoint::Open(testing::SharedPath(file.path));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_EQ(checkpoint->tensors().size(), file.tensors) << file.path;
    EXPECT_EQ(checkpoint->tensors().at(file.key).shape, file.shape);
    EXPECT_FALSE(checkpoint->metadata().empty());
    const auto data = checkpoint->Read(file.key);
    ASSERT_TRUE(data.ok()) << data.status();
    for (float value : data->values()) ASSERT_TRUE(std::isfinite(value));
  }
}

}  // namespace
}  // namespace siskin::ops
