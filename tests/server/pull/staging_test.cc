#include "server/pull/staging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "server/pull/files.h"
#include "tests/server/repository/temp_folder.h"

namespace siskin::pull {
namespace {

using ::testing::HasSubstr;

class StagingTest : public ::testing::Test {
 protected:
  std::unique_ptr<Staging> Open(int version = 1) {
    auto staging = Staging::Open(folder_.path(), "net", version);
    EXPECT_TRUE(staging.ok()) << staging.status();
    return *std::move(staging);
  }
  // A model that would be published.
  std::unique_ptr<Staging> Staged(int version, const std::string& weights,
                                  const std::string& labels = "") {
    auto staging = Open(version);
    EXPECT_TRUE(WriteFile(staging->weights(), weights).ok());
    EXPECT_TRUE(WriteFile(staging->config(), "architecture: \"x\"\n").ok());
    if (!labels.empty()) {
      EXPECT_TRUE(WriteFile(staging->labels(), labels).ok());
    }
    return staging;
  }
  std::string Text(const std::string& path) {
    const auto bytes = ReadFile(folder_.Path(path));
    return bytes.ok() ? std::string(bytes->begin(), bytes->end()) : "(none)";
  }
  bool Exists(const std::string& path) { return std::filesystem::exists(folder_.Path(path)); }

  siskin::testing::TempFolder folder_;
};

TEST_F(StagingTest, AModelAppearsAsAWhole) {
  {
    const auto staging = Staged(3, "w", "a\nb\n");
    EXPECT_FALSE(Exists("net"));
    ASSERT_TRUE(staging->Publish(false).ok());
  }
  EXPECT_EQ(Text("net/3/model.safetensors"), "w");
  EXPECT_EQ(Text("net/labels.txt"), "a\nb\n");
  EXPECT_EQ(Text("net/model.textproto"), "architecture: \"x\"\n");
  EXPECT_FALSE(Exists(".pull"));
}

TEST_F(StagingTest, AnotherVersionJoins) {
  ASSERT_TRUE(Staged(1, "one", "a\n")->Publish(false).ok());
  ASSERT_TRUE(Staged(2, "two", "a\n")->Publish(false).ok());
  EXPECT_EQ(Text("net/1/model.safetensors"), "one");
  EXPECT_EQ(Text("net/2/model.safetensors"), "two");
}

TEST_F(StagingTest, WhatVersionsShareIsNotChangedUnlessForced) {
  ASSERT_TRUE(Staged(1, "one", "a\n")->Publish(false).ok());
  for (const char* labels : {"b\n", ""}) {
    const auto status = Staged(2, "two", labels)->Publish(false);
    EXPECT_TRUE(absl::IsFailedPrecondition(status));
    EXPECT_THAT(status.message(), AllOf(HasSubstr("labels.txt"), HasSubstr("--force")));
    EXPECT_EQ(Text("net/labels.txt"), "a\n");
    EXPECT_FALSE(Exists("net/2"));
  }
  ASSERT_TRUE(Staged(2, "two")->Publish(true).ok());
  EXPECT_FALSE(Exists("net/labels.txt"));
  EXPECT_EQ(Text("net/2/model.safetensors"), "two");
}

TEST_F(StagingTest, AVersionIsReplaced) {
  ASSERT_TRUE(Staged(1, "old", "a\n")->Publish(false).ok());
  ASSERT_TRUE(Staged(1, "new", "b\n")->Publish(true).ok());
  EXPECT_EQ(Text("net/1/model.safetensors"), "new");
  EXPECT_EQ(Text("net/labels.txt"), "b\n");
  EXPECT_FALSE(Exists(".pull"));
}

TEST_F(StagingTest, OnlyDownloadsOutliveAFailure) {
  {
    const auto staging = Staged(1, "w");
    ASSERT_TRUE(WriteFile(staging->download(), "bytes").ok());
  }
  EXPECT_EQ(Text(".pull/net/1/download"), "bytes");
  EXPECT_FALSE(Exists(".pull/net/1/model"));
  { const auto staging = Staged(2, "w"); }
  EXPECT_FALSE(Exists(".pull/net/2"));
  ASSERT_TRUE(Staged(1, "w")->Publish(false).ok());
  EXPECT_FALSE(Exists(".pull"));
}

TEST_F(StagingTest, OneAtATime) {
  const auto first = Staged(1, "w");
  const auto second = Staging::Open(folder_.path(), "net", 1);
  EXPECT_TRUE(absl::IsUnavailable(second.status()));
  EXPECT_THAT(second.status().message(), HasSubstr("another process is pulling net version 1"));
  EXPECT_TRUE(Staging::Open(folder_.path(), "net", 2).ok());
  EXPECT_TRUE(first->Publish(false).ok());
}

TEST_F(StagingTest, PlacesThatAreTaken) {
  const auto check = [this](const std::string& name, int version, bool replace = false) {
    return CheckPlace(folder_.path(), name, version, replace);
  };
  folder_.Write("net/1/model.safetensors", "x");
  folder_.Write("flat/model.safetensors", "x");
  EXPECT_TRUE(absl::IsAlreadyExists(check("net", 1)));
  EXPECT_TRUE(check("net", 1, /*replace=*/true).ok());
  EXPECT_TRUE(check("net", 2).ok());
  EXPECT_TRUE(check("new", 1).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(check("flat", 2)));
  EXPECT_TRUE(absl::IsFailedPrecondition(check("flat", 1, /*replace=*/true)));
  for (const char* name : {"", ".", "..", ".pull", "a/b", "a b", "../net"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(check(name, 1))) << name;
  }
}

}  // namespace
}  // namespace siskin::pull
