#include "server/repository/text_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "tests/server/repository/temp_folder.h"

namespace siskin::repository {
namespace {

using ::siskin::testing::TempFolder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ReadTextFileTest, ReturnsTheBytes) {
  TempFolder folder;
  const std::string bytes("a\0b\r\n", 5);
  folder.Write("file", bytes);
  EXPECT_EQ(ReadTextFile(folder.Path("file")).value(), bytes);
  folder.Write("empty", "");
  EXPECT_EQ(ReadTextFile(folder.Path("empty")).value(), "");
}

TEST(ReadTextFileTest, StopsAtTheCap) {
  TempFolder folder;
  folder.Write("fits", std::string(kMaxTextFileBytes, 'x'));
  EXPECT_EQ(ReadTextFile(folder.Path("fits")).value().size(), kMaxTextFileBytes);
  folder.Write("large", std::string(kMaxTextFileBytes + 1, 'x'));
  const absl::Status status = ReadTextFile(folder.Path("large")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("larger than 1048576 bytes"));
}

TEST(ReadTextFileTest, RefusesWhatIsNoFile) {
  TempFolder folder;
  EXPECT_TRUE(absl::IsNotFound(ReadTextFile(folder.Path("none")).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadTextFile(folder.path()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadTextFile("/dev/zero").status()));
}

TEST(ParseLabelsTest, ALabelALine) {
  EXPECT_THAT(ParseLabels("labels.txt", "tench, Tinca tinca\ngoldfish\n").value(),
              ElementsAre("tench, Tinca tinca", "goldfish"));
  EXPECT_THAT(ParseLabels("labels.txt", "no\nnewline at the end").value(),
              ElementsAre("no", "newline at the end"));
  EXPECT_THAT(ParseLabels("labels.txt", "").value(), IsEmpty());
}

TEST(ParseLabelsTest, WindowsFilesAreReadToo) {
  EXPECT_THAT(ParseLabels("labels.txt",
                          "\xEF\xBB\xBF"
                          "cat\r\ndog\r\n")
                  .value(),
              ElementsAre("cat", "dog"));
}

TEST(ParseLabelsTest, AnEmptyLineIsAnErrorWithItsNumber) {
  for (const char* text : {"cat\n\ndog\n", "cat\n\r\ndog\n", "cat\n\n"}) {
    const absl::Status status = ParseLabels("x/labels.txt", text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("x/labels.txt:2: is empty"));
  }
}

TEST(ParseLabelsTest, Utf8IsKept) {
  // The first and last code point of each length, and the neighbours of the surrogates.
  for (const char* label :
       {"\x01", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_THAT(ParseLabels("labels.txt", label).value(), ElementsAre(label));
  }
}

TEST(ParseLabelsTest, WhatIsNotUtf8IsAnErrorWithItsLine) {
  for (const char* label :
       {"caf\xE9", "\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xE2\x82",
        "\xED\xA0\x80", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF0\x9F\x98", "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80", "\xFF"}) {
    const absl::Status status =
        ParseLabels("labels.txt", std::string("cat\n") + label + "\ndog\n").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << label;
    EXPECT_THAT(std::string(status.message()), HasSubstr("labels.txt:2: is not UTF-8"));
  }
}

}  // namespace
}  // namespace siskin::repository
