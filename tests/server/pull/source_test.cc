#include "server/pull/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siskin::pull {
namespace {

using Kind = Source::Kind;

struct SourceCase {
  std::string text;
  Kind kind;
  std::string name;
  std::string sha256_prefix = "";
};

class SourceTest : public ::testing::TestWithParam<SourceCase> {};

TEST_P(SourceTest, IsRecognised) {
  const auto source = ParseSource(GetParam().text);
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(source->kind, GetParam().kind);
  EXPECT_EQ(source->location, GetParam().text);
  EXPECT_EQ(source->name, GetParam().name);
  EXPECT_EQ(source->sha256_prefix, GetParam().sha256_prefix);
}

INSTANTIATE_TEST_SUITE_P(
    Sources, SourceTest,
    ::testing::Values(
        SourceCase{"timm/mobilenetv2_100.ra_in1k", Kind::kHub, "mobilenetv2_100.ra_in1k"},
        SourceCase{"google/mobilenet_v2_1.0_224", Kind::kHub, "mobilenet_v2_1.0_224"},
        SourceCase{"./google/mobilenet_v2_1.0_224", Kind::kFile, "mobilenet_v2_1.0_224"},
        SourceCase{"weights/mobilenet_v2.pth", Kind::kFile, "mobilenet_v2"},
        SourceCase{"a/b/c", Kind::kFile, "c"},
        SourceCase{"/tmp/x/model.safetensors", Kind::kFile, ""},
        SourceCase{"pytorch_model.bin", Kind::kFile, ""},
        SourceCase{"model_best.pth.tar", Kind::kFile, "model_best"},
        SourceCase{"mobilenetv2_100", Kind::kFile, "mobilenetv2_100"},
        SourceCase{"https://download.pytorch.org/models/mobilenet_v2-b0353104.pth", Kind::kUrl,
                   "mobilenet_v2-b0353104", "b0353104"},
        SourceCase{"https://example.org/a/net-5d6cec73.pth?x=1/2.pt", Kind::kUrl, "net-5d6cec73",
                   "5d6cec73"},
        SourceCase{"https://example.org/net-v2.safetensors", Kind::kUrl, "net-v2"},
        SourceCase{"https://example.org/net-cafe.safetensors", Kind::kUrl, "net-cafe"}));

TEST(SourceErrorTest, SaysWhatIsExpected) {
  for (const char* text : {"", "/", "models/"}) {
    EXPECT_THAT(ParseSource(text).status().message(), ::testing::HasSubstr("owner/name")) << text;
  }
  EXPECT_THAT(ParseSource("ftp://example.org/x.pth").status().message(),
              ::testing::HasSubstr("expected an https URL"));
}

}  // namespace
}  // namespace siskin::pull
