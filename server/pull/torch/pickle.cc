#include "server/pull/torch/pickle.h"

#include <bit>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "server/pull/torch/byte_reader.h"

namespace siskin::pull {
namespace {

constexpr int kMaxProtocol = 2;  // of pickle; what torch.save writes
constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxIntegerBytes = 8;

// The opcodes that torch.save uses, by Python's names. All others are refused.
enum Opcode : uint8_t {
  kProto = 0x80,
  kMark = '(',
  kStop = '.',
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kBinFloat = 'G',
  kBinUnicode = 'X',
  kShortBinString = 'U',
  kBinString = 'T',
  kEmptyTuple = ')',
  kTuple = 't',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kGlobal = 'c',
  kReduce = 'R',
  kBuild = 'b',
  kBinPersId = 'Q',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kBinGet = 'h',
  kLongBinGet = 'j',
};

absl::Status Malformed(const std::string& what) { return absl::InvalidArgumentError(what); }

// The memory of the machine: values, the stack with its marks, and the memo. Every place taken is
// counted, since opcodes of a byte or two can ask for much. INVALID_ARGUMENT: what the pickle asks
// for is not there. RESOURCE_EXHAUSTED: more than kMaxPickleValues places.
class PickleStack {
 public:
  using Values = std::vector<PickleValue*>;

  // `values` owns what is pushed and outlives the stack.
  explicit PickleStack(std::deque<PickleValue>& values) : values_(values) {}

  bool empty() const { return stack_.empty() && marks_.empty(); }

  absl::Status Push(PickleValue value) {
    stack_.push_back(&values_.emplace_back(std::move(value)));
    return Charge(1);
  }

  absl::Status Mark() {
    marks_.push_back(stack_.size());
    return Charge(1);
  }

  absl::StatusOr<PickleValue*> Top() const {
    if (Reachable() == 0) return Malformed("needs a value, but there is none");
    return stack_.back();
  }

  absl::StatusOr<Values> Pop(size_t count) {
    if (Reachable() < count) {
      return Malformed(absl::StrCat("needs ", count, " values, but there are ", Reachable()));
    }
    Values values(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }

  // Pops the mark, too.
  absl::StatusOr<Values> PopToMark() {
    if (marks_.empty()) return Malformed("needs a mark, but there is none");
    absl::StatusOr<Values> values = Pop(Reachable());
    marks_.pop_back();
    return values;
  }

  // `index` stands for the top from here on.
  absl::Status Remember(uint32_t index) {
    SISKIN_ASSIGN_OR_RETURN(PickleValue * top, Top());
    memo_[index] = top;
    return Charge(1);
  }

  // Pushes what `index` stands for.
  absl::Status Recall(uint32_t index) {
    const auto found = memo_.find(index);
    if (found == memo_.end()) {
      return Malformed(absl::StrCat("nothing was remembered as ", index));
    }
    stack_.push_back(found->second);
    return Charge(1);
  }

  // Counts places that are taken outside of the stack: those of containers.
  absl::Status Charge(size_t places) {
    charged_ += places;
    if (charged_ <= kMaxPickleValues) return absl::OkStatus();
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", kMaxPickleValues, " values: these are no weights"));
  }

 private:
  // What was pushed before the last mark is out of reach until that mark is popped.
  size_t Reachable() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  std::deque<PickleValue>& values_;
  Values stack_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::unordered_map<uint32_t, PickleValue*> memo_;
  size_t charged_ = 0;
};

}  // namespace

// The stack machine of the pickle format.
class PickleMachine {
 public:
  explicit PickleMachine(absl::Span<const uint8_t> bytes) : in_(bytes) {}

  absl::StatusOr<Pickle> Run() {
    while (pickle_.root_ == nullptr) {
      const size_t at = in_.position();
      if (const absl::Status status = Step(); !status.ok()) {
        return absl::Status(status.code(),
                            absl::StrCat("pickle, at byte ", at, ": ", status.message()));
      }
    }
    pickle_.size_ = in_.position();
    return std::move(pickle_);
  }

 private:
  using Values = PickleStack::Values;

  absl::Status Step() {
    SISKIN_ASSIGN_OR_RETURN(const uint8_t opcode, in_.Number<uint8_t>());
    switch (opcode) {
      case kProto:
        return Protocol();
      case kMark:
        return stack_.Mark();
      case kStop:
        return Stop();
      case kNone:
        return stack_.Push({PickleNone()});
      case kNewTrue:
        return stack_.Push({true});
      case kNewFalse:
        return stack_.Push({false});
      case kBinInt:
        return PushInteger<int32_t>();
      case kBinInt1:
        return PushInteger<uint8_t>();
      case kBinInt2:
        return PushInteger<uint16_t>();
      case kLong1:
        return Long();
      case kBinFloat:
        return Float();
      case kShortBinString:
        return Text<uint8_t>();
      case kBinUnicode:
      case kBinString:
        return Text<uint32_t>();
      case kGlobal:
        return Global();
      case kBinPut:
        return Put<uint8_t>();
      case kLongBinPut:
        return Put<uint32_t>();
      case kBinGet:
        return Get<uint8_t>();
      case kLongBinGet:
        return Get<uint32_t>();
      default:
        return StepOnObjects(opcode);
    }
  }

  // The opcodes that make containers and objects out of what is on the stack.
  absl::Status StepOnObjects(uint8_t opcode) {
    switch (opcode) {
      case kEmptyTuple:
        return stack_.Push({PickleTuple()});
      case kTuple:
        return TupleOf(stack_.PopToMark());
      case kTuple1:
        return TupleOf(stack_.Pop(1));
      case kTuple2:
        return TupleOf(stack_.Pop(2));
      case kTuple3:
        return TupleOf(stack_.Pop(3));
      case kEmptyList:
        return stack_.Push({PickleList()});
      case kAppend:
        return Append(stack_.Pop(1));
      case kAppends:
        return Append(stack_.PopToMark());
      case kEmptyDict:
        return stack_.Push({PickleDict()});
      case kSetItem:
        return SetItems(stack_.Pop(2));
      case kSetItems:
        return SetItems(stack_.PopToMark());
      case kReduce:
        return Reduce();
      case kBuild:
        return Build();
      case kBinPersId:
        return PersistentId();
      default:
        return Malformed(absl::StrFormat("opcode 0x%02x is none that torch.save writes", opcode));
    }
  }

  absl::Status Protocol() {
    SISKIN_ASSIGN_OR_RETURN(const uint8_t protocol, in_.Number<uint8_t>());
    if (protocol <= kMaxProtocol) return absl::OkStatus();
    return Malformed(absl::StrCat("written with pickle protocol ", protocol, "; expected ",
                                  kMaxProtocol, ", torch.save's own choice"));
  }

  absl::Status Stop() {
    SISKIN_ASSIGN_OR_RETURN(const Values values, stack_.Pop(1));
    if (!stack_.empty()) return Malformed("ends with values left over");
    pickle_.root_ = values.front();
    return absl::OkStatus();
  }

  template <typename T>
  absl::Status PushInteger() {
    SISKIN_ASSIGN_OR_RETURN(const T number, in_.Number<T>());
    return stack_.Push({int64_t{number}});
  }

  // A little-endian two's complement of a stated length.
  absl::Status Long() {
    SISKIN_ASSIGN_OR_RETURN(const uint8_t length, in_.Number<uint8_t>());
    if (length > kMaxIntegerBytes) return Malformed("an integer of more than 64 bits");
    SISKIN_ASSIGN_OR_RETURN(const std::string_view bytes, in_.Take(length));
    uint64_t bits = !bytes.empty() && (bytes.back() & 0x80) != 0 ? ~uint64_t{0} : 0;
    for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
      bits = bits << 8 | static_cast<uint8_t>(*byte);
    }
    return stack_.Push({static_cast<int64_t>(bits)});
  }

  absl::Status Float() {  // big-endian, unlike everything else
    SISKIN_ASSIGN_OR_RETURN(const uint64_t bits, in_.Number<uint64_t>());
    return stack_.Push({std::bit_cast<double>(__builtin_bswap64(bits))});
  }

  template <typename Length>
  absl::Status Text() {
    SISKIN_ASSIGN_OR_RETURN(const Length length, in_.Number<Length>());
    SISKIN_ASSIGN_OR_RETURN(const std::string_view text, in_.Take(length));
    return stack_.Push({std::string(text)});
  }

  absl::Status Global() {
    SISKIN_ASSIGN_OR_RETURN(const std::string_view module, in_.Line(kMaxNameBytes));
    SISKIN_ASSIGN_OR_RETURN(const std::string_view attribute, in_.Line(kMaxNameBytes));
    std::string name = absl::StrCat(std::string(module), ".", std::string(attribute));
    SISKIN_RETURN_IF_ERROR(CheckGlobal(name));
    return stack_.Push({PickleGlobal{std::move(name)}});
  }

  template <typename Index>
  absl::Status Put() {
    SISKIN_ASSIGN_OR_RETURN(const Index index, in_.Number<Index>());
    return stack_.Remember(index);
  }

  template <typename Index>
  absl::Status Get() {
    SISKIN_ASSIGN_OR_RETURN(const Index index, in_.Number<Index>());
    return stack_.Recall(index);
  }

  absl::Status TupleOf(absl::StatusOr<Values> items) {
    if (!items.ok()) return items.status();
    return stack_.Push({PickleTuple{{items->begin(), items->end()}}});
  }

  absl::Status Append(absl::StatusOr<Values> items) {
    if (!items.ok()) return items.status();
    SISKIN_ASSIGN_OR_RETURN(PickleValue * top, stack_.Top());
    auto* list = std::get_if<PickleList>(&top->value);
    if (list == nullptr) return Malformed("appends to something that is no list");
    list->items.insert(list->items.end(), items->begin(), items->end());
    return stack_.Charge(items->size());
  }

  absl::Status SetItems(absl::StatusOr<Values> items) {
    if (!items.ok()) return items.status();
    SISKIN_ASSIGN_OR_RETURN(PickleValue * top, stack_.Top());
    auto* dict = std::get_if<PickleDict>(&top->value);
    if (dict == nullptr) return Malformed("sets items of something that is no dict");
    if (items->size() % 2 != 0) return Malformed("a key without a value");
    for (size_t i = 0; i < items->size(); i += 2) {
      dict->items.emplace_back((*items)[i], (*items)[i + 1]);
    }
    return stack_.Charge(items->size());
  }

  absl::Status Reduce() {
    SISKIN_ASSIGN_OR_RETURN(const Values call, stack_.Pop(2));
    const auto* global = call[0]->As<PickleGlobal>();
    const auto* arguments = call[1]->As<PickleTuple>();
    if (global == nullptr || arguments == nullptr) {
      return Malformed("calls something that is no function, or without a tuple of arguments");
    }
    SISKIN_ASSIGN_OR_RETURN(PickleValue made, CallGlobal(global->name, arguments->items));
    // The pairs of a dict were shared before; now they are held once more.
    if (const auto* dict = made.As<PickleDict>())
      SISKIN_RETURN_IF_ERROR(stack_.Charge(dict->items.size()));
    return stack_.Push(std::move(made));
  }

  // Attributes of an object. Those of a state dict say which code wrote it and are not needed.
  absl::Status Build() {
    SISKIN_RETURN_IF_ERROR(stack_.Pop(1).status());
    SISKIN_ASSIGN_OR_RETURN(const PickleValue* top, stack_.Top());
    if (top->As<PickleDict>() != nullptr) return absl::OkStatus();
    return Malformed("sets attributes of something that is no dict");
  }

  absl::Status PersistentId() {
    SISKIN_ASSIGN_OR_RETURN(const Values id, stack_.Pop(1));
    SISKIN_ASSIGN_OR_RETURN(TorchStorage storage, StorageOf(*id.front()));
    const auto& [known, is_new] = pickle_.storages_.emplace(storage.key, storage);
    if (!is_new &&
        (known->second.elements != storage.elements || known->second.type != storage.type ||
         known->second.element_size != storage.element_size)) {
      return Malformed(absl::StrCat("storage ", storage.key, " has two sizes or types"));
    }
    return stack_.Push({std::move(storage)});
  }

  ByteReader in_;
  Pickle pickle_;
  PickleStack stack_{pickle_.values_};
};

absl::StatusOr<Pickle> Pickle::Parse(absl::Span<const uint8_t> bytes) {
  // A pickle that is cut off here ends as a truncated one.
  return PickleMachine(bytes.subspan(0, kMaxPickleBytes)).Run();
}

}  // namespace siskin::pull
