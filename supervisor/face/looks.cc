#include "face/looks.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "face/terminal.h"

namespace sup {
namespace {

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(next_utf8(text).length);
    ++count;
  }
  return count;
}

}  // namespace

std::string cut(std::string_view text, std::size_t most) {
  if (characters(text) <= most) return std::string(text);
  if (most == 0) return {};
  std::size_t length = 0;
  for (std::size_t i = 0; i + 1 < most; ++i) length += next_utf8(text.substr(length)).length;
  return std::string(text.substr(0, length)) + ">";
}

bool can_write_over(int fd) {
  const char* term = std::getenv("TERM");
  return ::isatty(fd) == 1 && term != nullptr && *term != 0 && std::string_view(term) != "dumb";
}

bool colours(int fd) {
  const char* no = std::getenv("NO_COLOR");
  return can_write_over(fd) && (no == nullptr || *no == 0);
}

std::size_t columns(int fd) {
  if (::isatty(fd) != 1) return 0;
  const auto size = terminal_size(fd);
  return size ? size->ws_col : 0;
}

std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t columns) {
  if (rows.empty()) return {};
  std::vector<std::size_t> width(rows.front().size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], characters(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      text += row[i] + std::string(width[i] - characters(row[i]) + 2, ' ');
      at += width[i] + 2;
    }
    // On a terminal too narrow even for the other cells the last one is left whole: the line is broken anyway.
    text += columns > at ? cut(row.back(), columns - at) : row.back();
    text += '\n';
  }
  return text;
}

std::string wrap(const std::string& text, std::size_t first, std::size_t indent, std::size_t columns) {
  // Where hardly anything would fit, the terminal's own breaks are better than one word a line.
  if (columns < indent + 20) return text;
  std::string out;
  std::size_t at = first;
  for (const auto word : split(text, ' ')) {
    const std::size_t length = characters(word);
    if (!out.empty()) {
      if (at + 1 + length > columns) {
        out += "\n" + std::string(indent, ' ');
        at = indent;
      } else {
        out += ' ';
        ++at;
      }
    }
    out += word;
    at += length;
  }
  return out;
}

}  // namespace sup
