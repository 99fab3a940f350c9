// Files as torch.save writes them, of random networks.
#ifndef SISKIN_TESTS_SERVER_PULL_TORCH_TORCH_FILES_H_
#define SISKIN_TESTS_SERVER_PULL_TORCH_TORCH_FILES_H_

#include <string>

#include "tests/models/model_files.h"

namespace siskin::testing {

std::string TorchZip(const StoredModel& model);
std::string TorchLegacy(const StoredModel& model);

}  // namespace siskin::testing

#endif  // SISKIN_TESTS_SERVER_PULL_TORCH_TORCH_FILES_H_
