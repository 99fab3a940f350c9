#include "server/cli/remote/photo_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/cli/cli_fixture.h"

namespace siskin::cli {
namespace {

using ::siskin::testing::TempFolder;
using ::siskin::testing::WriteText;
using ::testing::ElementsAre;

TEST(ListPhotosTest, FoldersGiveTheirPhotosInOrder) {
  const TempFolder folder;
  for (const char* name : {"b.JPG", "a.png", "sub/c.webp", "sub/d.jpeg", "notes.txt", "e"}) {
    WriteText(folder / name, "x");
  }
  const auto files = ListPhotos({folder.path()});
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_THAT(*files, ElementsAre(folder / "a.png", folder / "b.JPG", folder / "sub/c.webp",
                                  folder / "sub/d.jpeg"));
}

TEST(ListPhotosTest, FilesAreTakenAsTheyAre) {
  const auto files = ListPhotos({"no/such.file", "photo"});
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_THAT(*files, ElementsAre("no/such.file", "photo"));
}

TEST(ReadFileTest, ReadsAll) {
  const TempFolder folder;
  const std::string bytes("a\0b\n", 4);
  WriteText(folder / "x", bytes);
  const auto read = ReadFile(folder / "x", 4);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, bytes);
}

TEST(ReadFileTest, Errors) {
  const TempFolder folder;
  WriteText(folder / "x", "12345");
  EXPECT_TRUE(absl::IsNotFound(ReadFile(folder / "y", 4).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadFile(folder.path(), 4).status()));
  EXPECT_TRUE(absl::IsResourceExhausted(ReadFile(folder / "x", 4).status()));
}

}  // namespace
}  // namespace siskin::cli
