#include "spec/document.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace sup {
namespace {

std::string quoted(const std::string& text, bool ascii) {
  return nlohmann::json(text).dump(-1, ' ', ascii, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Document::Document(std::initializer_list<std::pair<std::string_view, Document>> members) : kind_(Kind::object) {
  for (const auto& [key, value] : members) parts_.emplace_back(key, value);
}

Document Document::array() {
  Document out;
  out.kind_ = Kind::array;
  return out;
}

Document Document::rendered(std::string json) {
  Document out;
  out.text_ = std::move(json);
  return out;
}

Document& Document::operator[](std::string_view key) {
  kind_ = Kind::object;
  const auto at = std::ranges::find(parts_, key, &std::pair<std::string, Document>::first);
  return at != parts_.end() ? at->second : parts_.emplace_back(key, Document()).second;
}

void Document::push_back(Document item) {
  kind_ = Kind::array;
  parts_.emplace_back(std::string(), std::move(item));
}

std::string Document::dump(std::size_t indent, bool ascii) const {
  std::string out;
  write(out, indent, 0, ascii);
  return out;
}

void Document::write(std::string& out, std::size_t indent, std::size_t column, bool ascii) const {
  if (kind_ == Kind::plain || kind_ == Kind::text) {
    out += kind_ == Kind::text ? quoted(text_, ascii) : text_;
    return;
  }
  const bool object = kind_ == Kind::object;
  const auto line = [&](std::size_t at) {
    if (indent != 0) (out += '\n').append(at, ' ');
  };
  out += object ? '{' : '[';
  bool first = true;
  for (const auto& [key, value] : parts_) {
    if (!first) out += ',';
    first = false;
    line(column + indent);
    if (object) {
      out += quoted(key, ascii);
      out += indent != 0 ? ": " : ":";
    }
    value.write(out, indent, column + indent, ascii);
  }
  if (!first) line(column);
  out += object ? '}' : ']';
}

}  // namespace sup
