// A folder that lives as long as the test.
#ifndef SISKIN_TESTS_SERVER_REPOSITORY_TEMP_FOLDER_H_
#define SISKIN_TESTS_SERVER_REPOSITORY_TEMP_FOLDER_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace siskin::testing {

class TempFolder {
 public:
  TempFolder() : path_(::testing::TempDir() + "siskin_XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) ADD_FAILURE() << "cannot create " << path_;
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string Path(const std::string& relative) const { return path_ + "/" + relative; }

  // Writes a file, and the folders it is in.
  void Write(const std::string& relative, std::string_view contents) const {
    std::filesystem::create_directories(std::filesystem::path(Path(relative)).parent_path());
    std::ofstream file(Path(relative), std::ios::binary);
    file << contents;
    if (!file.flush()) ADD_FAILURE() << "cannot write " << Path(relative);
  }
  void MakeFolder(const std::string& relative) const {
    std::filesystem::create_directories(Path(relative));
  }
  void Link(const std::string& target, const std::string& relative) const {
    std::filesystem::create_symlink(target, Path(relative));
  }

 private:
  std::string path_;
};

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_SERVER_REPOSITORY_TEMP_FOLDER_H_
