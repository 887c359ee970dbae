// Document: JSON for people to read, its members in the order in which they were set. Built and written, never read.
#pragma once
#include <concepts>
#include <initializer_list>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sup {

class Document {
 public:
  Document() = default;  // null
  Document(std::string text) : kind_(Kind::text), text_(std::move(text)) {}
  Document(std::string_view text) : kind_(Kind::text), text_(text) {}
  Document(const char* text) : kind_(Kind::text), text_(text) {}
  template <typename T>
    requires std::same_as<T, bool>
  Document(T value) : text_(value ? "true" : "false") {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Document(T value) : text_(std::to_string(value)) {}
  // An array of what is in a vector or array.
  template <std::ranges::range R>
    requires(!std::convertible_to<R, std::string_view>)
  Document(const R& items) : kind_(Kind::array) {
    for (const auto& item : items) push_back(item);
  }
  // An object.
  Document(std::initializer_list<std::pair<std::string_view, Document>> members);
  [[nodiscard]] static Document array();
  // What is JSON already, on one line.
  [[nodiscard]] static Document rendered(std::string json);

  [[nodiscard]] bool is_null() const { return kind_ == Kind::plain && text_ == "null"; }

  // The member of that name, null at first. Makes an object of a null.
  Document& operator[](std::string_view key);
  // Makes an array of a null.
  void push_back(Document item);

  // As nlohmann's dump writes it; what is not UTF-8 becomes U+FFFD. indent 0: on one line.
  [[nodiscard]] std::string dump(std::size_t indent, bool ascii = false) const;

 private:
  enum class Kind : unsigned char { plain, text, array, object };
  void write(std::string& out, std::size_t indent, std::size_t column, bool ascii) const;

  Kind kind_ = Kind::plain;
  std::string text_ = "null";                             // a text, or what is written as it is
  std::vector<std::pair<std::string, Document>> parts_;   // an array's have no names
};

}  // namespace sup
