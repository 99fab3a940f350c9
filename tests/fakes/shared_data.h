// Where the tests find real weights, photos and golden outputs, which are not part of the product.
#ifndef SISKIN_TESTS_FAKES_SHARED_DATA_H_
#define SISKIN_TESTS_FAKES_SHARED_DATA_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace siskin::testing {

// The path of `relative` below the shared folder.
inline std::string SharedPath(const std::string& relative) {
  const char* root = std::getenv("SISKIN_SHARED_DIR");
  return (std::filesystem::path(root == nullptr ? "../shared" : root) / relative).string();
}

}  // namespace siskin::testing

// Skips the running test, saying so in one line, unless `relative` exists in the shared folder.
#define SISKIN_SKIP_WITHOUT_SHARED(relative)                                                   \
  if (!std::filesystem::exists(::siskin::testing::SharedPath(relative))) {                     \
    GTEST_SKIP() << "needs " << ::siskin::testing::SharedPath(relative)                        \
                 << " (set SISKIN_SHARED_DIR to the folder that holds models/ and networks/)"; \
  }

#endif  // SISKIN_TESTS_FAKES_SHARED_DATA_H_
