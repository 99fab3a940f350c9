#include "server/pull/torch/pickle_value.h"

#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/safetensors_header.h"

namespace siskin::pull {
namespace {

using Arguments = absl::Span<const PickleValue* const>;
using ops::QuoteForMessage;

constexpr size_t kMaxStorageKey = 64;  // torch numbers them

struct StorageClass {
  std::string_view name;
  ElementType type;
  int64_t element_size;
};
constexpr StorageClass kStorageClasses[] = {
    {"torch.FloatStorage", ElementType::kF32, 4},
    {"torch.DoubleStorage", ElementType::kF64, 8},
    {"torch.HalfStorage", ElementType::kF16, 2},
    {"torch.BFloat16Storage", ElementType::kBF16, 2},
    {"torch.LongStorage", ElementType::kI64, 8},
    {"torch.IntStorage", ElementType::kOther, 4},
    {"torch.ShortStorage", ElementType::kOther, 2},
    {"torch.CharStorage", ElementType::kOther, 1},
    {"torch.ByteStorage", ElementType::kOther, 1},
    {"torch.BoolStorage", ElementType::kOther, 1},
};

const StorageClass* FindStorageClass(std::string_view name) {
  for (const StorageClass& storage_class : kStorageClasses) {
    if (storage_class.name == name) return &storage_class;
  }
  return nullptr;
}

absl::Status Malformed(const std::string& what) { return absl::InvalidArgumentError(what); }

template <typename T>
const T* ArgumentAs(Arguments arguments, size_t i) {
  return i < arguments.size() ? arguments[i]->As<T>() : nullptr;
}

// collections.OrderedDict(), or of a list of pairs, as Python 2 pickled it.
absl::StatusOr<PickleValue> MakeOrderedDict(Arguments arguments) {
  PickleDict dict;
  if (arguments.empty()) return PickleValue{std::move(dict)};
  const PickleList* pairs = ArgumentAs<PickleList>(arguments, 0);
  if (pairs == nullptr || arguments.size() != 1) {
    return Malformed("an OrderedDict is made of something else than a list of pairs");
  }
  for (const PickleValue* item : pairs->items) {
    const auto* list = item->As<PickleList>();
    const auto* tuple = item->As<PickleTuple>();
    const auto* pair = list != nullptr ? &list->items : tuple != nullptr ? &tuple->items : nullptr;
    if (pair == nullptr || pair->size() != 2) {
      return Malformed("an OrderedDict is made of something else than pairs");
    }
    dict.items.emplace_back((*pair)[0], (*pair)[1]);
  }
  return PickleValue{std::move(dict)};
}

// A tuple of numbers that are not negative.
std::optional<std::vector<int64_t>> Extents(const PickleTuple* tuple) {
  if (tuple == nullptr || tuple->items.size() > kMaxTensorRank) return std::nullopt;
  std::vector<int64_t> extents;
  for (const PickleValue* item : tuple->items) {
    const int64_t* extent = item->As<int64_t>();
    if (extent == nullptr || *extent < 0) return std::nullopt;
    extents.push_back(*extent);
  }
  return extents;
}

// _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks); the last two say
// nothing about values, and older files do not have them.
absl::StatusOr<PickleValue> RebuildTensor(Arguments arguments) {
  const TorchStorage* storage = ArgumentAs<TorchStorage>(arguments, 0);
  const int64_t* offset = ArgumentAs<int64_t>(arguments, 1);
  auto shape = Extents(ArgumentAs<PickleTuple>(arguments, 2));
  auto strides = Extents(ArgumentAs<PickleTuple>(arguments, 3));
  if (storage == nullptr || offset == nullptr || *offset < 0 || !shape.has_value() ||
      !strides.has_value() || shape->size() != strides->size()) {
    return Malformed(
        absl::StrCat("a tensor is made of something else than a storage, an offset, "
                     "and a shape and strides of at most ",
                     kMaxTensorRank, " numbers"));
  }
  return PickleValue{TorchTensor{*storage, *offset, *std::move(shape), *std::move(strides)}};
}

// _rebuild_parameter(tensor, requires_grad, hooks)
absl::StatusOr<PickleValue> RebuildParameter(Arguments arguments) {
  const TorchTensor* tensor = ArgumentAs<TorchTensor>(arguments, 0);
  if (tensor == nullptr) return Malformed("a parameter is made of something else than a tensor");
  return PickleValue{*tensor};
}

struct Function {
  std::string_view name;
  absl::StatusOr<PickleValue> (*call)(Arguments);
};
constexpr Function kFunctions[] = {
    {"collections.OrderedDict", MakeOrderedDict},
    {"torch._utils._rebuild_tensor", RebuildTensor},
    {"torch._utils._rebuild_tensor_v2", RebuildTensor},
    {"torch._utils._rebuild_parameter", RebuildParameter},
};

const Function* FindFunction(std::string_view name) {
  for (const Function& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

}  // namespace

absl::Status CheckGlobal(std::string_view name) {
  if (FindFunction(name) != nullptr || FindStorageClass(name) != nullptr) return absl::OkStatus();
  return Malformed(absl::StrCat(
      "refers to ", QuoteForMessage(name),
      ", which weights do not need and which is not executed; expected a state dict, as "
      "torch.save(model.state_dict(), file) writes it"));
}

absl::StatusOr<PickleValue> CallGlobal(std::string_view name, Arguments arguments) {
  if (const Function* function = FindFunction(name)) return function->call(arguments);
  return Malformed(absl::StrCat("calls ", QuoteForMessage(name), ", which is no function"));
}

absl::StatusOr<TorchStorage> StorageOf(const PickleValue& persistent_id) {
  const PickleTuple* tuple = persistent_id.As<PickleTuple>();
  const Arguments id = tuple == nullptr ? Arguments() : Arguments(tuple->items);
  const std::string* kind = ArgumentAs<std::string>(id, 0);
  const PickleGlobal* name = ArgumentAs<PickleGlobal>(id, 1);
  const std::string* key = ArgumentAs<std::string>(id, 2);
  const int64_t* elements = ArgumentAs<int64_t>(id, 4);
  const StorageClass* storage_class = name == nullptr ? nullptr : FindStorageClass(name->name);
  // The legacy container appends None, or which part of a storage is meant.
  const bool whole = id.size() == 5 || (id.size() == 6 && id[5]->As<PickleNone>() != nullptr);
  if (kind == nullptr || *kind != "storage" || storage_class == nullptr || key == nullptr ||
      elements == nullptr || !whole) {
    return Malformed("a storage is not (\"storage\", class, key, location, elements)");
  }
  const int64_t most = std::numeric_limits<int64_t>::max() / storage_class->element_size;
  if (key->empty() || key->size() > kMaxStorageKey || *elements < 0 || *elements > most) {
    return Malformed(absl::StrCat("storage ", QuoteForMessage(*key), " of ", *elements,
                                  " elements: the key or the size is out of range"));
  }
  return TorchStorage{*key, storage_class->type, storage_class->element_size, *elements};
}

}  // namespace siskin::pull
