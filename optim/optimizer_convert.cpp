#include "optim/optimizer_convert.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"
#include "core/find_element.h"
#include "optim/step.h"

namespace octet::optim {
namespace {

constexpr const char* kAnother = "; the checkpoint is of another model or update rule";

std::string text_of(const std::string& name, const Tensor& tensor) {
  require(tensor.dtype() == DType::U8, ErrorKind::Checkpoint, "optimizer state '", name, "' is ",
          tensor.dtype(), ", expected a name in bytes");
  const std::vector<uint8_t> bytes = tensor.to_vector<uint8_t>();
  return {bytes.begin(), bytes.end()};
}

// Of a parameter whose first slot this is.
int codec_in(SavedTensors& tensors, const std::string& parameter, const Tensor& first) {
  const std::string name = parameter + kCodecSuffix;
  const auto place = [](const auto& fits) {
    const auto all = codecs();
    return std::find_if(all.begin(), all.end(), fits) - all.begin();
  };
  std::ptrdiff_t found;
  if (const Tensor* named = tensors.take_if_there(name)) {
    const std::string text = text_of(name, *named);
    found = place([&](const CodecInfo& codec) { return codec.name == text; });
    require(found < std::ssize(codecs()), ErrorKind::Checkpoint, "optimizer state '", name,
            "' is an unknown codec, '", text, "'");
  } else if (first.dtype() == DType::U8) {
    found = codec_place("blockwise8");
  } else {
    found = place([&](const CodecInfo& codec) { return codec.stored == first.dtype(); });
    require(found < std::ssize(codecs()), ErrorKind::Checkpoint, "optimizer state of '", parameter, "' is ",
            first.dtype(), ", which no codec stores");
  }
  return static_cast<int>(found);
}

void check_tensor(const std::string& name, const Tensor& tensor, DType type, const Shape& shape,
                  std::string_view codec) {
  require(tensor.dtype() == type, ErrorKind::Checkpoint, "optimizer state '", name, "' is ", tensor.dtype(),
          ", expected ", type, " (", codec, ")", kAnother);
  require(tensor.shape() == shape, ErrorKind::Checkpoint, "optimizer state '", name, "' has shape ",
          tensor.shape(), ", expected ", shape, kAnother);
}

// Numbers that no step leaves behind, and that no gradient would show. Any code will do.
void check_values(const std::string& name, const Tensor& tensor, Book book) {
  const bool may_be_negative = book == Book::Signed;
  // Nor -0: who encodes the unsigned book looks for no sign.
  const auto wrong = [&](double value) {
    return !std::isfinite(value) || (!may_be_negative && std::signbit(value));
  };
  if (const auto found = find_element(tensor, wrong))
    fail(ErrorKind::Checkpoint, "optimizer state '", name,
         "' is damaged: ", std::isfinite(found->value) ? "it is never negative, but " : "", "element ",
         found->place, " is ", found->value);
}

}  // namespace

SavedTensors::SavedTensors(const NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors)
    require(left_.emplace(name, &tensor).second, ErrorKind::Checkpoint, "optimizer state '", name,
            "' comes twice");
}

const Tensor* SavedTensors::take_if_there(const std::string& name) {
  const auto found = left_.find(name);
  if (found == left_.end()) return nullptr;
  const Tensor* tensor = found->second;
  left_.erase(found);
  return tensor;
}

const Tensor& SavedTensors::take(const std::string& name) {
  const Tensor* tensor = take_if_there(name);
  require(tensor, ErrorKind::Checkpoint, "optimizer state '", name, "' is missing", kAnother);
  return *tensor;
}

void SavedTensors::check_all_taken() const {
  require(left_.empty(), ErrorKind::Checkpoint, "optimizer state '",
          left_.empty() ? std::string_view() : left_.begin()->first, "' belongs to no parameter", kAnother);
}

bool StateFormat::operator==(const StateFormat& other) const {
  return codec == other.codec && (codec_at(codec).scale != Scale::Block || block_size == other.block_size);
}

std::string StateFormat::text() const {
  std::string text(codec_at(codec).name);
  if (codec_at(codec).scale == Scale::Block) text += " in blocks of " + std::to_string(block_size);
  return text;
}

SavedState take_state(SavedTensors& tensors, const std::string& parameter, const Tensor& weight,
                      std::span<const Slot> slots) {
  SavedState out{};
  const int64_t count = weight.numel();
  for (const Slot& slot : slots) {
    const std::string name = parameter + "." + slot.name;
    const Tensor& values = tensors.take(name);
    if (out.values.empty()) {
      out.format = {codec_in(tensors, parameter, values), kPlainBlock};
      const CodecInfo& codec = codec_at(out.format.codec);
      require(codec.value == computed_as(weight.dtype()), ErrorKind::Checkpoint, "optimizer state of '",
              parameter, "' is in ", codec.name, ", which is for weights of ", codec.value, "; these are ",
              weight.dtype());
      if (codec.has_absmax()) {
        const std::string size_name = parameter + kBlockSizeSuffix;
        const int64_t size = read_count(size_name, tensors.take(size_name));
        require(size >= kMinBlock && size <= kMaxBlock && std::has_single_bit(static_cast<uint64_t>(size)),
                ErrorKind::Checkpoint, "optimizer state '", size_name, "' is ", size,
                ", not a power of two in ", kMinBlock, "..", kMaxBlock);
        out.format.block_size = static_cast<int>(size);
      }
    }
    const CodecInfo& codec = codec_at(out.format.codec);
    check_tensor(name, values, codec.stored,
                 codec.values_per_stored == 1 ? weight.shape() : Shape{codec.stored_count(count)},
                 codec.name);
    check_values(name, values, slot.book);
    out.values.push_back(&values);
    if (!codec.has_absmax()) continue;
    const Tensor& absmax = tensors.take(name + kAbsmaxSuffix);
    check_tensor(name + kAbsmaxSuffix, absmax, DType::F32,
                 Shape{codec.absmax_count(count, out.format.block_size)}, codec.name);
    check_values(name + kAbsmaxSuffix, absmax, slot.book);
    out.absmax.push_back(&absmax);
  }
  return out;
}

SavedState take_matrix_state(SavedTensors& tensors, const std::string& parameter, std::span<const Slot> slots,
                             std::span<const Tensor> own, const StateFormat& format) {
  SavedState out{.format = format, .values = {}, .absmax = {}};
  for (size_t i = 0; i < slots.size(); ++i) {
    const std::string name = parameter + "." + slots[i].name;
    const Tensor& values = tensors.take(name);
    check_tensor(name, values, own[i].dtype(), own[i].shape(), codec_at(format.codec).name);
    check_values(name, values, slots[i].book);
    out.values.push_back(&values);
  }
  return out;
}

void convert_slot(Book book, int64_t count, const StateFormat& from, const SlotTensors& source,
                  const StateFormat& to, const SlotTensors& target, const Encoding& how) {
  const Device device = target.values.device();
  const StepTable& steps = steps_on(device);
  const auto here = [device](const Tensor* tensor) {
    return !tensor                      ? Tensor()
           : tensor->device() == device ? *tensor
                                        : tensor->to(device, MemoryTag::Workspace);
  };
  const Tensor stored = here(&source.values), absmax = here(source.absmax);
  const Tensor values = Tensor::empty({count}, codec_at(from.codec).value, device, MemoryTag::Workspace);
  steps.decode(device, from.codec, book, from.block_size, stored.raw(),
               absmax.defined() ? absmax.data<float>() : nullptr, count, values.raw());
  steps.encode(device, to.codec, book, how, to.block_size, values.raw(), count, target.values.raw(),
               target.absmax ? target.absmax->data<float>() : nullptr);
}

Tensor text_tensor(std::string_view text) {
  return Tensor::from(std::vector<uint8_t>(text.begin(), text.end()), {static_cast<int64_t>(text.size())});
}

Tensor count_tensor(int64_t value) { return Tensor::from(std::vector<int64_t>{value}, {}); }

int64_t read_count(const std::string& name, const Tensor& tensor) {
  require(tensor.dtype() == DType::I64 && tensor.numel() == 1, ErrorKind::Checkpoint, "optimizer state '",
          name, "' is ", tensor.dtype(), tensor.shape(), ", expected one i64");
  const int64_t value = tensor.to_vector<int64_t>()[0];
  require(value >= 0, ErrorKind::Checkpoint, "optimizer state '", name, "' is ", value, ", below 0");
  return value;
}

}  // namespace octet::optim
