// Matrices as NumPy reads them: numpy.load("embeddings.npy").
#ifndef SISKIN_SERVER_CLI_REMOTE_NPY_FILE_H_
#define SISKIN_SERVER_CLI_REMOTE_NPY_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace siskin::cli {

// Writes `rows` as float32 [rows, columns] in format version 1.0. An empty row is one of NaN.
// FAILED_PRECONDITION: no row has values, or two differ in length; PERMISSION_DENIED: `path` cannot
// be written.
absl::Status WriteNpy(const std::string& path, const std::vector<std::vector<float>>& rows);

}  // namespace siskin::cli

#endif  // SISKIN_SERVER_CLI_REMOTE_NPY_FILE_H_
