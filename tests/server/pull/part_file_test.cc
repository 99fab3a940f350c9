#include <gtest/gtest.h>

#include <filesystem>

#include "server/pull/downloader.h"
#include "server/pull/files.h"
#include "tests/server/repository/temp_folder.h"

namespace siskin::pull {
namespace {

constexpr char kUrl[] = "https://example.org/file";

class PartFileTest : public ::testing::Test {
 protected:
  std::unique_ptr<PartFile> Open(const std::string& url = kUrl) {
    auto file = PartFile::Open(folder_.Path("file"), url);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  bool Exists(const std::string& name) { return std::filesystem::exists(folder_.Path(name)); }
  std::string Contents(const std::string& name) {
    const auto bytes = ReadFile(folder_.Path(name));
    return bytes.ok() ? std::string(bytes->begin(), bytes->end()) : "";
  }

  siskin::testing::TempFolder folder_;
};

TEST_F(PartFileTest, AppearsWhenItIsComplete) {
  const auto file = Open();
  ASSERT_TRUE(file->Restart("\"e\"").ok());
  ASSERT_TRUE(file->Append("hel").ok());
  ASSERT_TRUE(file->Append("lo").ok());
  EXPECT_FALSE(Exists("file"));
  EXPECT_EQ(Contents("file.part"), "hello");
  ASSERT_TRUE(file->Commit().ok());
  EXPECT_EQ(Contents("file"), "hello");
  EXPECT_FALSE(Exists("file.part"));
}

TEST_F(PartFileTest, GoesOnInTheNextRun) {
  {
    const auto file = Open();
    ASSERT_TRUE(file->Restart("\"e\"").ok());
    ASSERT_TRUE(file->Append("hello").ok());
  }
  {
    const auto file = Open();
    EXPECT_EQ(file->size(), 5);
    EXPECT_EQ(file->etag(), "\"e\"");
    ASSERT_TRUE(file->Append("!").ok());
    ASSERT_TRUE(file->Commit().ok());
  }
  // A complete file is a part that lacks nothing.
  EXPECT_EQ(Open()->size(), 6);
}

TEST_F(PartFileTest, PartsOfAnotherUrlOrWithoutATagAreDropped) {
  {
    const auto file = Open();
    ASSERT_TRUE(file->Restart("\"e\"").ok());
    ASSERT_TRUE(file->Append("hello").ok());
  }
  EXPECT_EQ(Open("https://example.org/other")->size(), 0);
  EXPECT_FALSE(Exists("file.part"));  // an empty part is no use
  {
    const auto file = Open();
    ASSERT_TRUE(file->Restart("").ok());
    ASSERT_TRUE(file->Append("hello").ok());
  }
  EXPECT_EQ(Open()->size(), 0);
}

TEST_F(PartFileTest, CannotBeMadeInNoFolder) {
  EXPECT_TRUE(absl::IsNotFound(PartFile::Open(folder_.Path("no/file"), kUrl).status()));
}

TEST_F(PartFileTest, ChecksumIsThatOfTheBytes) {
  folder_.Write("abc", "abc");  // the first example of FIPS 180-2
  EXPECT_EQ(*Sha256OfFile(folder_.Path("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_FALSE(Sha256OfFile(folder_.Path("absent")).ok());
}

}  // namespace
}  // namespace siskin::pull
