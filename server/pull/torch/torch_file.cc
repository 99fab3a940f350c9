#include "server/pull/torch/torch_file.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/checkpoint.h"
#include "ops/dtype.h"
#include "ops/safetensors_header.h"
#include "server/pull/torch/byte_reader.h"
#include "server/pull/torch/pickle.h"
#include "server/pull/torch/zip_archive.h"

namespace siskin::pull {
namespace {

using Bytes = absl::Span<const uint8_t>;
using ops::QuoteForMessage;

constexpr std::string_view kZipMagic = "PK\x03\x04";
// The pickle of 0x1950a86a20f9469cfc6c.
constexpr std::string_view kLegacyMagic = "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19.";
constexpr int64_t kLegacyProtocol = 1001;
constexpr std::string_view kParallelPrefix = "module.";  // of torch.nn.DataParallel
constexpr std::string_view kBatchCounter = "num_batches_tracked";

absl::Status Malformed(const std::string& what) { return absl::InvalidArgumentError(what); }

// What either container holds: one pickle, and the storages it refers to.
struct TorchContents {
  Pickle pickle;
  // The bytes of every storage of the pickle, as many as it says; borrowed from the file.
  std::map<std::string, Bytes> storages;
};

bool StartsWith(Bytes bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool IsTorchZip(Bytes bytes) { return StartsWith(bytes, kZipMagic); }
bool IsTorchLegacy(Bytes bytes) { return StartsWith(bytes, kLegacyMagic); }

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

// <name>/data.pkl, <name>/data/<key>, and perhaps <name>/byteorder.
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

// Pickles of a magic number, a version, facts about the writer, the object, and the keys of its
// storages; then each storage, behind its number of elements.
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

const PickleValue* Find(const PickleDict& dict, std::string_view key) {
  for (const auto& [name, value] : dict.items) {
    const auto* text = name->As<std::string>();
    if (text != nullptr && *text == key) return value;
  }
  return nullptr;
}

// Training scripts save more than the weights, and keep those under a name of their own.
absl::StatusOr<const PickleDict*> StateDict(const PickleValue& root) {
  const auto* dict = root.As<PickleDict>();
  if (dict == nullptr) return Malformed("holds something else than a dict of tensors");
  for (const char* name : {"state_dict", "model"}) {
    const PickleValue* inner = Find(*dict, name);
    if (inner != nullptr && inner->As<PickleDict>() != nullptr) return inner->As<PickleDict>();
  }
  return dict;
}

template <typename T, typename Convert>
void Widen(Bytes storage, int64_t index, float& value, Convert convert) {
  T element;
  std::memcpy(&element, storage.data() + index * sizeof(T), sizeof(T));
  value = convert(element);
}

// Sets `value` to an element of a storage. False: not of a floating-point type.
bool ReadElement(ElementType type, Bytes storage, int64_t index, float& value) {
  switch (type) {
    case ElementType::kF32:
      Widen<float>(storage, index, value, [](float x) { return x; });
      return true;
    case ElementType::kF64:
      Widen<double>(storage, index, value, [](double x) { return static_cast<float>(x); });
      return true;
    case ElementType::kF16:
      Widen<uint16_t>(storage, index, value, ops::FloatFromF16);
      return true;
    case ElementType::kBF16:
      Widen<uint16_t>(storage, index, value, ops::FloatFromBF16);
      return true;
    case ElementType::kI64:
    case ElementType::kOther:
      return false;
  }
  return false;
}

// The number of elements, if each of them lies in the storage, and there are no more than those of
// the storage: extents of stride 0 could ask for any number.
absl::StatusOr<int64_t> CheckedElements(const TorchTensor& tensor) {
  const int64_t size = tensor.storage.elements;
  int64_t count = 1;
  int64_t last = tensor.offset;  // the index of the last element
  bool inside = tensor.offset <= size;
  for (size_t i = 0; i < tensor.shape.size(); ++i) {
    int64_t step = 0;
    inside = inside && !__builtin_mul_overflow(count, tensor.shape[i], &count) &&
             !__builtin_mul_overflow(std::max<int64_t>(tensor.shape[i] - 1, 0), tensor.strides[i],
                                     &step) &&
             !__builtin_add_overflow(last, step, &last);
  }
  if (inside && count == 0) return 0;
  if (inside && count <= size && last < size) return count;
  return Malformed(absl::StrCat("shape ", ops::ShapeToString(tensor.shape), ", strides ",
                                ops::ShapeToString(tensor.strides), " and offset ", tensor.offset,
                                " do not fit a storage of ", size, " elements"));
}

// Row by row in the order of the shape, wherever the strides say the elements are.
absl::StatusOr<std::vector<float>> Contiguous(const TorchTensor& tensor, Bytes storage) {
  SISKIN_ASSIGN_OR_RETURN(const int64_t count, CheckedElements(tensor));
  std::vector<int64_t> strides = tensor.strides;
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    if (tensor.shape[axis] == 1) strides[axis] = 0;  // any number, since it is never taken
  }
  std::vector<float> values(count);
  std::vector<int64_t> at(tensor.shape.size());
  int64_t index = tensor.offset;
  for (float& value : values) {
    if (!ReadElement(tensor.storage.type, storage, index, value)) {
      return Malformed("holds integers, which no layer does");
    }
    for (size_t axis = at.size(); axis-- > 0;) {
      index += strides[axis];
      if (++at[axis] < tensor.shape[axis]) break;
      index -= strides[axis] * tensor.shape[axis];
      at[axis] = 0;
    }
  }
  return values;
}

absl::StatusOr<StateTensor> ReadTensor(const std::string& key, const PickleValue& value,
                                       const TorchContents& contents) {
  const auto* tensor = value.As<TorchTensor>();
  if (tensor == nullptr) return Malformed("is no tensor");
  SISKIN_ASSIGN_OR_RETURN(auto values,
                          Contiguous(*tensor, contents.storages.at(tensor->storage.key)));
  return StateTensor{key, tensor->shape, std::move(values)};
}

void StripParallelPrefix(std::vector<StateTensor>& tensors) {
  const auto has_prefix = [](const StateTensor& t) { return t.key.starts_with(kParallelPrefix); };
  if (!std::all_of(tensors.begin(), tensors.end(), has_prefix)) return;
  for (StateTensor& tensor : tensors) tensor.key.erase(0, kParallelPrefix.size());
}

absl::StatusOr<std::vector<StateTensor>> ReadTensors(const TorchContents& contents) {
  SISKIN_ASSIGN_OR_RETURN(const PickleDict* dict, StateDict(contents.pickle.root()));
  std::vector<StateTensor> tensors;
  std::set<std::string_view> keys;
  int64_t elements = 0;
  for (const auto& [name, value] : dict->items) {
    const auto* key = name->As<std::string>();
    if (key == nullptr) return Malformed("has a key that is no text");
    if (key->ends_with(kBatchCounter)) continue;
    if (!keys.insert(*key).second) {
      return Malformed(absl::StrCat("has ", QuoteForMessage(*key), " twice"));
    }
    absl::StatusOr<StateTensor> tensor = ReadTensor(*key, *value, contents);
    if (!tensor.ok()) {
      return Malformed(absl::StrCat(QuoteForMessage(*key), ": ", tensor.status().message()));
    }
    elements += static_cast<int64_t>(tensor->values.size());
    if (elements > kMaxTorchElements) {
      return absl::ResourceExhaustedError(
          absl::StrCat("more than ", kMaxTorchElements, " weights"));
    }
    tensors.push_back(*std::move(tensor));
  }
  StripParallelPrefix(tensors);
  return tensors;
}

}  // namespace

bool IsTorchFile(Bytes bytes) { return IsTorchZip(bytes) || IsTorchLegacy(bytes); }

absl::StatusOr<std::vector<StateTensor>> ReadTorchFile(Bytes bytes) {
  SISKIN_ASSIGN_OR_RETURN(const TorchContents contents,
                          IsTorchZip(bytes) ? OpenTorchZip(bytes) : OpenTorchLegacy(bytes));
  return ReadTensors(contents);
}

}  // namespace siskin::pull
