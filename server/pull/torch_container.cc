#include "server/pull/torch_container.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/safetensors_header.h"
#include "server/pull/byte_reader.h"
#include "server/pull/zip_archive.h"

namespace siskin::pull {
namespace {

using Bytes = absl::Span<const uint8_t>;
using ops::QuoteForMessage;

constexpr std::string_view kZipMagic = "PK\x03\x04";
// The pickle of 0x1950a86a20f9469cfc6c.
constexpr std::string_view kLegacyMagic = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.";
constexpr int64_t kLegacyProtocol = 1001;

absl::Status Malformed(const std::string& what) { return absl::InvalidArgumentError(what); }

bool StartsWith(Bytes bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// "<name>/" of the archive: torch names the top folder after the file.
absl::StatusOr<std::string> TopFolder(const ZipEntries& entries) {
  constexpr std::string_view kPickle = "/data.pkl";
  for (const auto& [name, contents] : entries) {
    const size_t slash = name.find('/');
    if (slash != std::string::npos && name.substr(slash) == kPickle) {
      return name.substr(0, slash + 1);
    }
  }
  return Malformed("a zip archive without data.pkl, so none of torch.save");
}

absl::StatusOr<Bytes> StorageEntry(const ZipEntries& entries, const std::string& folder,
                                   const TorchStorage& storage) {
  const auto entry = entries.find(absl::StrCat(folder, "data/", storage.key));
  if (entry == entries.end()) {
    return Malformed(absl::StrCat("storage ", QuoteForMessage(storage.key), " is missing"));
  }
  const auto size = static_cast<uint64_t>(storage.elements) * storage.element_size;
  if (entry->second.size() == size) return entry->second;
  return Malformed(absl::StrCat("storage ", QuoteForMessage(storage.key), " has ",
                                entry->second.size(), " bytes; its tensors say ", size));
}

// Reads one pickle and moves `rest` behind it.
absl::StatusOr<Pickle> TakePickle(Bytes& rest) {
  SISKIN_ASSIGN_OR_RETURN(Pickle pickle, Pickle::Parse(rest));
  rest.remove_prefix(pickle.size());
  return pickle;
}

absl::Status SkipPreamble(Bytes& rest) {
  if (!StartsWith(rest, kLegacyMagic)) return Malformed("neither a zip archive nor a legacy file");
  rest.remove_prefix(kLegacyMagic.size());
  SISKIN_ASSIGN_OR_RETURN(const Pickle protocol, TakePickle(rest));
  const int64_t* number = protocol.root().As<int64_t>();
  if (number == nullptr || *number != kLegacyProtocol) {
    return Malformed(absl::StrCat("not version ", kLegacyProtocol, " of torch's legacy format"));
  }
  SISKIN_ASSIGN_OR_RETURN(const Pickle system, TakePickle(rest));
  const auto* facts = system.root().As<PickleDict>();
  if (facts == nullptr) return Malformed("the facts about the writing system are no dict");
  for (const auto& [key, value] : facts->items) {
    const auto* name = key->As<std::string>();
    const bool* little = value->As<bool>();
    if (name != nullptr && *name == "little_endian" && (little == nullptr || !*little)) {
      return Malformed("written on a big-endian machine");
    }
  }
  return absl::OkStatus();
}

// The storage whose turn it is.
absl::StatusOr<std::pair<std::string, Bytes>> TakeStorage(const PickleValue& key,
                                                          const Pickle& object,
                                                          ByteReader& reader) {
  const auto* name = key.As<std::string>();
  const auto found = name == nullptr ? object.storages().end() : object.storages().find(*name);
  if (found == object.storages().end()) return Malformed("lists a storage that no tensor uses");
  const TorchStorage& storage = found->second;
  SISKIN_ASSIGN_OR_RETURN(const int64_t elements, reader.Number<int64_t>());
  if (elements != storage.elements) {
    return Malformed(absl::StrCat("storage ", QuoteForMessage(*name), " has ", elements,
                                  " elements; its tensors say ", storage.elements));
  }
  SISKIN_ASSIGN_OR_RETURN(const std::string_view data,
                          reader.Take(static_cast<uint64_t>(elements) * storage.element_size));
  return std::pair(*name, Bytes(reinterpret_cast<const uint8_t*>(data.data()), data.size()));
}

}  // namespace

bool IsTorchZip(Bytes bytes) { return StartsWith(bytes, kZipMagic); }
bool IsTorchLegacy(Bytes bytes) { return StartsWith(bytes, kLegacyMagic); }

absl::StatusOr<TorchContents> OpenTorchZip(Bytes bytes) {
  SISKIN_ASSIGN_OR_RETURN(const ZipEntries entries, ReadZip(bytes));
  SISKIN_ASSIGN_OR_RETURN(const std::string folder, TopFolder(entries));
  const auto order = entries.find(folder + "byteorder");
  if (order != entries.end() && AsText(order->second) != "little") {
    return Malformed("written on a big-endian machine");
  }
  SISKIN_ASSIGN_OR_RETURN(Pickle pickle, Pickle::Parse(entries.at(folder + "data.pkl")));
  TorchContents contents{std::move(pickle), {}};
  for (const auto& [key, storage] : contents.pickle.storages()) {
    SISKIN_ASSIGN_OR_RETURN(contents.storages[key], StorageEntry(entries, folder, storage));
  }
  return contents;
}

absl::StatusOr<TorchContents> OpenTorchLegacy(Bytes bytes) {
  Bytes rest = bytes;
  SISKIN_RETURN_IF_ERROR(SkipPreamble(rest));
  SISKIN_ASSIGN_OR_RETURN(Pickle object, TakePickle(rest));
  SISKIN_ASSIGN_OR_RETURN(const Pickle keys, TakePickle(rest));
  const auto* list = keys.root().As<PickleList>();
  if (list == nullptr) return Malformed("the keys of the storages are no list");
  TorchContents contents{std::move(object), {}};
  ByteReader reader(rest);
  for (const PickleValue* key : list->items) {
    SISKIN_ASSIGN_OR_RETURN(auto storage, TakeStorage(*key, contents.pickle, reader));
    if (!contents.storages.insert(std::move(storage)).second) {
      return Malformed("lists a storage twice");
    }
  }
  if (contents.storages.size() == contents.pickle.storages().size()) return contents;
  return Malformed("lacks storages that its tensors use; truncated?");
}

}  // namespace siskin::pull
