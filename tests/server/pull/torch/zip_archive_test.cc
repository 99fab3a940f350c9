#include "server/pull/torch/zip_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/pull/files.h"
#include "tests/server/pull/torch/pickles.h"

namespace siskin::pull {
namespace {

using ::siskin::testing::Bytes;
using ::siskin::testing::Little;
using ::testing::HasSubstr;

struct Entry {
  std::string name;
  std::string data;
  uint16_t method = 0;
  uint16_t flags = 0;
  std::string local_name = "";  // empty: the name
  int64_t size = -1;            // what the directory says; -1: the truth
  int64_t offset = -1;
};

std::string Archive(const std::vector<Entry>& entries, const std::string& end_tail = "") {
  std::string file;
  std::string directory;
  for (const Entry& entry : entries) {
    const std::string& local = entry.local_name.empty() ? entry.name : entry.local_name;
    const uint64_t offset = entry.offset >= 0 ? entry.offset : file.size();
    const uint64_t size = entry.size >= 0 ? entry.size : entry.data.size();
    const std::string facts = Little(20, 2) + Little(entry.flags, 2) + Little(entry.method, 2) +
                              Little(0, 4) + Little(0, 4) + Little(size, 4) + Little(size, 4);
    file +=
        "PK\x03\x04" + facts + Little(local.size(), 2) + Little(3, 2) + local + "pad" + entry.data;
    directory += "PK\x01\x02" + Little(20, 2) + facts + Little(entry.name.size(), 2) +
                 Little(0, 2) + Little(0, 2) + Little(0, 2) + Little(0, 2) + Little(0, 4) +
                 Little(offset, 4) + entry.name;
  }
  const std::string end = "PK\x05\x06" + Little(0, 4) + Little(entries.size(), 2) +
                          Little(entries.size(), 2) + Little(directory.size(), 4) +
                          Little(file.size(), 4) + Little(end_tail.size(), 2) + end_tail;
  return file + directory + end;
}

std::string Error(const std::string& archive) {
  return std::string(ReadZip(Bytes(archive)).status().message());
}

const Entry kFirst = {"a/one", "hello"};
const Entry kSecond = {"a/two", "world!"};

TEST(ZipArchiveTest, EntriesByName) {
  const std::string archive = Archive({kFirst, kSecond, {"a/empty", ""}});
  const auto entries = ReadZip(Bytes(archive));
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 3u);
  const auto& two = entries->at("a/two");
  EXPECT_EQ(std::string(two.begin(), two.end()), "world!");
  EXPECT_TRUE(entries->at("a/empty").empty());
}

TEST(ZipArchiveTest, EveryPrefixIsTruncated) {
  const std::string archive = Archive({kFirst, kSecond});
  for (size_t size = 0; size < archive.size(); ++size) {
    EXPECT_FALSE(ReadZip(Bytes(archive.substr(0, size))).ok()) << size;
  }
}

TEST(ZipArchiveTest, OnlyPlainEntries) {
  EXPECT_THAT(Error(Archive({{.name = "x", .data = "y", .method = 8}})), HasSubstr("compressed"));
  EXPECT_THAT(Error(Archive({{.name = "x", .data = "y", .flags = 1}})), HasSubstr("encrypted"));
}

TEST(ZipArchiveTest, LiesOfTheDirectory) {
  EXPECT_THAT(Error(Archive({{.name = "x", .data = "y", .local_name = "z"}})),
              HasSubstr("differs from its header"));
  EXPECT_THAT(Error(Archive({{.name = "x", .data = "y", .size = 1000}})),
              HasSubstr("outside of the archive"));
  EXPECT_THAT(Error(Archive({{.name = "x", .data = "y", .size = 0xffffffff}})),
              HasSubstr("outside of the archive"));
  EXPECT_THAT(Error(Archive({{.name = "x", .data = "y", .offset = 0xfffffff0}})),
              HasSubstr("outside of the archive"));
  EXPECT_THAT(Error(Archive({{.name = "x", .data = "y", .offset = 3}})), HasSubstr("no header"));
  EXPECT_THAT(Error(Archive({kFirst, kFirst})), HasSubstr("occurs twice"));
}

TEST(ZipArchiveTest, EntriesThatOverlap) {
  // The first one reaches into the second.
  EXPECT_THAT(Error(Archive({{.name = "x", .data = "y", .size = 20}, kSecond})),
              HasSubstr("overlap"));
  // Two names of one entry differ from its header.
  EXPECT_THAT(Error(Archive({kFirst, {.name = "a/2ne", .data = "hello", .offset = 0}})),
              HasSubstr("differs"));
}

TEST(ZipArchiveTest, OtherEndsAreRefused) {
  EXPECT_THAT(Error(Archive({kFirst}, "comment")), HasSubstr("does not end"));
  EXPECT_THAT(Error(Archive({kFirst}) + "x"), HasSubstr("does not end"));
  std::string zip64 = Archive({kFirst});
  zip64.replace(zip64.size() - 6, 4, "\xff\xff\xff\xff");
  EXPECT_THAT(Error(zip64), HasSubstr("zip64"));
  std::string outside = Archive({kFirst});
  outside.replace(outside.size() - 6, 4, std::string("\xff\xff\0\0", 4));
  EXPECT_THAT(Error(outside), HasSubstr("lies outside"));
  std::string damaged = Archive({kFirst});
  damaged[damaged.find("PK\x01\x02")] = 'x';
  EXPECT_THAT(Error(damaged), HasSubstr("directory is damaged"));
}

}  // namespace
}  // namespace siskin::pull
