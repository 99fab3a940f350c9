// A tree of files such as the kernel shows below /proc and /sys.
#ifndef SISKIN_TESTS_FAKES_KERNEL_FILES_H_
#define SISKIN_TESTS_FAKES_KERNEL_FILES_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace siskin::testing {

// Made empty, and removed with the object. One at a time in a process.
class KernelFiles {
 public:
  KernelFiles() : root_(::testing::TempDir() + "kernel_files." + std::to_string(getpid())) {
    std::filesystem::create_directories(root_);
  }
  ~KernelFiles() { std::filesystem::remove_all(root_); }
  KernelFiles(const KernelFiles&) = delete;
  KernelFiles& operator=(const KernelFiles&) = delete;

  const std::string& root() const { return root_; }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = std::filesystem::path(root_) / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

 private:
  const std::string root_;
};

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_FAKES_KERNEL_FILES_H_
