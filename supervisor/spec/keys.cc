#include "spec/keys.h"

#include <utility>

#include "base/text.h"

namespace sup {
namespace {

// '\0' stands for "no such key" only through the bool: ctrl-@ is the byte 0.
bool key_byte(std::string_view key, char& byte) {
  constexpr std::string_view kCtrl = "ctrl-";
  if (key.size() == 1) {
    byte = key[0];
    return static_cast<unsigned char>(byte) < 0x80;
  }
  if (!key.starts_with(kCtrl) || key.size() != kCtrl.size() + 1) return false;
  const char c = key.back();
  if (c >= 'a' && c <= 'z') {
    byte = static_cast<char>(c - 'a' + 1);
    return true;
  }
  if (std::string_view("@[\\]^_").find(c) == std::string_view::npos) return false;
  byte = static_cast<char>(c - '@');
  return true;
}

}  // namespace

Result<std::string> parse_detach_keys(std::string_view text, std::string_view where) {
  std::string keys;
  if (text.empty()) return keys;
  for (const std::string_view key : split(text, ',')) {
    char byte = 0;
    if (!key_byte(key, byte)) {
      auto error = usage(std::string(where), "'" + std::string(key) + "' is not a key",
                         "write characters and ctrl-X with commas between, such as ctrl-p,ctrl-q");
      error.error().what = std::string(text);
      return error;
    }
    keys += byte;
  }
  return keys;
}

DetachFilter::DetachFilter(std::string keys) : keys_(std::move(keys)), fallback_(keys_.size(), 0) {
  // Knuth, Morris, Pratt: after a mismatch the kept bytes may still end with a shorter start of the sequence
  // (ctrl-p ctrl-p ctrl-q must detach as well).
  std::size_t length = 0;
  for (std::size_t i = 1; i < keys_.size(); ++i) {
    while (length != 0 && keys_[i] != keys_[length]) length = fallback_[length - 1];
    if (keys_[i] == keys_[length]) ++length;
    fallback_[i] = length;
  }
}

DetachFilter::Output DetachFilter::feed(std::string_view bytes) {
  Output out;
  if (keys_.empty()) {
    out.pass = std::string(bytes);
    out.used = bytes.size();
    return out;
  }
  for (const char byte : bytes) {
    ++out.used;
    while (matched_ != 0 && byte != keys_[matched_]) {
      // What no longer belongs to a possible start goes out: it is the front of what was kept.
      const std::size_t shorter = fallback_[matched_ - 1];
      out.pass.append(keys_, 0, matched_ - shorter);
      matched_ = shorter;
    }
    if (byte != keys_[matched_]) {
      out.pass += byte;
      continue;
    }
    if (++matched_ == keys_.size()) {
      matched_ = 0;
      out.detached = true;
      return out;
    }
  }
  return out;
}

std::string DetachFilter::release() { return keys_.substr(0, std::exchange(matched_, 0)); }

}  // namespace sup
