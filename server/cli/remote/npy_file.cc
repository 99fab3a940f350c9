#include "server/cli/remote/npy_file.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <fstream>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace siskin::cli {
namespace {

static_assert(std::endian::native == std::endian::little, "the header says '<f4'");

constexpr char kMagic[] = {'\x93', 'N', 'U', 'M', 'P', 'Y', '\x01', '\x00'};
constexpr size_t kAlignment = 64;  // of the data

// Magic, length and a Python dictionary, filled up with blanks.
std::string Header(size_t rows, size_t columns) {
  std::string text = absl::StrCat("{'descr': '<f4', 'fortran_order': False, 'shape': (", rows, ", ",
                                  columns, "), }");
  const size_t before = sizeof(kMagic) + sizeof(uint16_t);
  while ((before + text.size() + 1) % kAlignment != 0) text += ' ';
  text += '\n';
  std::string header(kMagic, sizeof(kMagic));
  header += static_cast<char>(text.size() & 0xFF);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

absl::Status CheckColumns(const std::vector<std::vector<float>>& rows, size_t columns) {
  if (columns == 0) return absl::FailedPreconditionError("there is no embedding to write");
  for (const std::vector<float>& row : rows) {
    if (row.empty() || row.size() == columns) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("embeddings of ", row.size(), " and of ", columns,
                     " values do not make one matrix: did the model change?"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteNpy(const std::string& path, const std::vector<std::vector<float>>& rows) {
  size_t columns = 0;
  for (const std::vector<float>& row : rows) columns = std::max(columns, row.size());
  SISKIN_RETURN_IF_ERROR(CheckColumns(rows, columns));
  const std::vector<float> unknown(columns, std::numeric_limits<float>::quiet_NaN());
  std::ofstream file(path, std::ios::binary);
  file << Header(rows.size(), columns);
  for (const std::vector<float>& row : rows) {
    const std::vector<float>& values = row.empty() ? unknown : row;
    file.write(reinterpret_cast<const char*>(values.data()),
               static_cast<std::streamsize>(columns * sizeof(float)));
  }
  file.flush();
  if (!file) return absl::PermissionDeniedError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

}  // namespace siskin::cli
