// JsonLine: a JSON object written from left to right, without building it first. For lines that are written by the thousand.
#pragma once
#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sup {

// Keys in the order of put(); each once, which is the caller's to see to. ASCII only, as nlohmann's dump with ensure_ascii and
// error_handler_t::replace writes it, which escapes whatever is not plain.
class JsonLine {
 public:
  JsonLine() { text_.reserve(512); }

  // key: plain ASCII, written as it is.
  void put(std::string_view key, std::string_view value) {
    name(key);
    quote(value);
  }
  void put(std::string_view key, const char* value) { put(key, std::string_view(value)); }
  void put(std::string_view key, bool value) {
    name(key);
    text_ += value ? "true" : "false";
  }
  template <std::integral T>
  void put(std::string_view key, T value) {
    name(key);
    char digits[24];
    text_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  // Finite. With a point, though nothing but 0 stands behind it.
  void put(std::string_view key, double value);
  // null where there is none.
  void put(std::string_view key, const std::optional<std::uint64_t>& value) {
    if (value) return put(key, *value);
    name(key);
    text_ += "null";
  }
  // What is put between the two belongs to an object of that name.
  void begin(std::string_view key) {
    name(key);
    text_ += '{';
  }
  void end() { text_ += '}'; }

  // The whole object, without a line end. Once.
  [[nodiscard]] std::string take() {
    end();
    return std::move(text_);
  }

 private:
  void name(std::string_view key) {
    if (text_.back() != '{') text_ += ',';
    text_ += '"';
    text_ += key;
    text_ += "\":";
  }
  void quote(std::string_view value);

  std::string text_ = "{";
};

}  // namespace sup
