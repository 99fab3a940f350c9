// The two containers that torch.save has written: one pickle, and the storages it refers to.
#ifndef SISKIN_SERVER_PULL_TORCH_CONTAINER_H_
#define SISKIN_SERVER_PULL_TORCH_CONTAINER_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/pull/pickle.h"

namespace siskin::pull {

struct TorchContents {
  Pickle pickle;
  // The bytes of every storage of the pickle, as many as it says; borrowed from the file.
  std::map<std::string, absl::Span<const uint8_t>> storages;
};

bool IsTorchZip(absl::Span<const uint8_t> bytes);
bool IsTorchLegacy(absl::Span<const uint8_t> bytes);

// <name>/data.pkl, <name>/data/<key>, and perhaps <name>/byteorder.
absl::StatusOr<TorchContents> OpenTorchZip(absl::Span<const uint8_t> bytes);

// Pickles of a magic number, a version, facts about the writer, the object, and the keys of its
// storages; then each storage, behind its number of elements.
absl::StatusOr<TorchContents> OpenTorchLegacy(absl::Span<const uint8_t> bytes);

}  // namespace siskin::pull

#endif  // SISKIN_SERVER_PULL_TORCH_CONTAINER_H_
