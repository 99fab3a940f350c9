#include "base/json.h"

#include <gtest/gtest.h>

#include "nlohmann/json.hpp"

namespace siskin {
namespace {

using Json = nlohmann::ordered_json;

TEST(JsonTextTest, KeepsTheOrderOfKeysOnOneLine) {
  EXPECT_EQ(JsonText({{"b", 1}, {"a", {1.5, nullptr}}}), R"({"b":1,"a":[1.5,null]})");
}

TEST(JsonTextTest, Indents) { EXPECT_EQ(JsonText({{"a", 1}}, {.indent = 2}), "{\n  \"a\": 1\n}"); }

TEST(JsonTextTest, BytesThatAreNoUtf8AreReplaced) {
  EXPECT_EQ(JsonText(Json("a\xff"
                          "b")),
            "\"a\xef\xbf\xbd"
            "b\"");
}

TEST(JsonTextTest, AsciiOnlyWhereAskedFor) {
  EXPECT_EQ(JsonText(Json("\xc3\xa9")), "\"\xc3\xa9\"");
  EXPECT_EQ(JsonText(Json("\xc3\xa9"), {.ascii = true}), "\"\\u00e9\"");
}

}  // namespace
}  // namespace siskin
