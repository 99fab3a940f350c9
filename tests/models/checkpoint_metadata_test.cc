#include "models/checkpoint_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/models/model_files.h"

namespace siskin::models {
namespace {

using ::siskin::testing::WriteAndOpen;
using ::testing::AllOf;
using ::testing::HasSubstr;

const siskin::testing::StoredModel kAnyTensor = {{"x.weight", {{1}, {0.f}}}};

TEST(ReadMetadataTest, ReadsEveryKey) {
  const auto facts = ReadMetadata(WriteAndOpen(kAnyTensor, {{"architecture", "mobilenet_v2"},
                                                            {"padding", "tf_same"},
                                                            {"input_size", "160x160"},
                                                            {"classes", "12"},
                                                            {"input_mean", "1, 2.5,3"},
                                                            {"input_std", "4,5,6e1"},
                                                            {"color_order", "bgr"},
                                                            {"license", "Apache-2.0"}}));
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->architecture, "mobilenet_v2");
  EXPECT_EQ(facts->padding, ops::PaddingRule::kTfSame);
  EXPECT_EQ(facts->resolution, 160);
  EXPECT_EQ(facts->classes, 12);
  EXPECT_EQ(facts->mean, (std::array<float, 3>{1, 2.5, 3}));
  EXPECT_EQ(facts->std, (std::array<float, 3>{4, 5, 60}));
  EXPECT_EQ(facts->color_order, ColorOrder::kBgr);
}

TEST(ReadMetadataTest, NothingStatedIsNothingKnown) {
  const auto facts = ReadMetadata(WriteAndOpen(kAnyTensor, {{"format", "pt"}}));
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->architecture, "");
  EXPECT_FALSE(facts->padding || facts->resolution || facts->classes || facts->mean || facts->std ||
               facts->color_order);
}

TEST(ReadMetadataTest, AValueThatDoesNotParseIsAnError) {
  const struct {
    std::string key, value, expected;
  } cases[] = {
      {"padding", "same", "\"tf_same\""},
      {"padding", "", "\"tf_same\""},
      {"input_size", "224", "\"224x224\""},
      {"input_size", "224x192", "square"},
      {"input_size", "224x224x3", "square"},
      {"input_size", "x", "square"},
      {"classes", "0", "positive"},
      {"classes", "-3", "positive"},
      {"classes", "99999999999999999999", "positive"},
      {"input_mean", "128", "three numbers"},
      {"input_mean", "1,2,3,4", "three numbers"},
      {"input_std", "1,2,nan", "three numbers"},
      {"input_std", "a,b,c", "three numbers"},
      {"color_order", "RGBA", "\"BGR\""},
  };
  for (const auto& [key, value, expected] : cases) {
    const absl::Status status = ReadMetadata(WriteAndOpen(kAnyTensor, {{key, value}})).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << key << "=" << value;
    EXPECT_THAT(status.message(), AllOf(HasSubstr(".safetensors"), HasSubstr("\"" + key + "\""),
                                        HasSubstr("\"" + value + "\""), HasSubstr(expected)));
  }
}

}  // namespace
}  // namespace siskin::models
