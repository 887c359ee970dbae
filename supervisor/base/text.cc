#include "base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <utility>

namespace sup {
namespace {

unsigned char byte_at(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }

// Characters that a terminal acts on, does not show, or shows in another place.
bool hides(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x00AD ||                     // soft hyphen
         c == 0x061C || c == 0x180E ||      // Arabic letter mark, Mongolian vowel separator
         (c >= 0x200B && c <= 0x200F) ||    // zero width characters, directional marks
         (c >= 0x2028 && c <= 0x202E) ||    // line and paragraph separator, bidi embeddings and overrides
         (c >= 0x2060 && c <= 0x206F) ||    // word joiner, invisible operators, bidi isolates
         c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF);    // tags
}

bool shows(std::string_view bytes) {
  while (!bytes.empty()) {
    const Utf8 c = next_utf8(bytes);
    if (!c.valid || hides(c.point)) return false;
    bytes.remove_prefix(c.length);
  }
  return true;
}

bool plain_in_shell(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_@%+=:,./-").find(c) != std::string_view::npos;
}

void append_octal(std::string& out, unsigned char byte) {
  out += '\\';
  for (const int shift : {6, 3, 0}) out += static_cast<char>('0' + ((byte >> shift) & 7));
}

void append_hex(std::string& out, unsigned char byte) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\x";
  out += kHex[byte >> 4];
  out += kHex[byte & 0xF];
}

// What stands between the quotes of printf '…': letters as they are, the rest in octal.
std::string printf_format(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size();) {
    const Utf8 c = next_utf8(bytes.substr(i));
    const bool option = i == 0 && bytes[i] == '-';   // printf would read options
    if (c.valid && !hides(c.point) && bytes[i] != '\'' && bytes[i] != '\\' && bytes[i] != '%' && !option) {
      out.append(bytes.substr(i, c.length));
    } else if (bytes[i] == '%') {
      out += "%%";
    } else if (bytes[i] == '\\') {
      out += "\\\\";
    } else {
      for (std::size_t k = 0; k < c.length; ++k) {
        if (bytes[i + k] != '\0') append_octal(out, byte_at(bytes, i + k));
      }
    }
    i += c.length;
  }
  return out;
}

}  // namespace

Utf8 next_utf8(std::string_view bytes) {
  const unsigned char first = byte_at(bytes, 0);
  if (first < 0x80) return {first, 1, true};
  std::size_t length = 0;
  char32_t point = 0;
  // The second byte's range shuts out overlong forms, surrogates and what lies above U+10FFFF
  // (Unicode, table 3-7).
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
    point = first & 0x1FU;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    point = first & 0x0FU;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    point = first & 0x07U;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return {};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= bytes.size() || byte_at(bytes, i) < low || byte_at(bytes, i) > high) return {0xFFFD, i, false};
    point = (point << 6) | (byte_at(bytes, i) & 0x3FU);
    low = 0x80;
    high = 0xBF;
  }
  return {point, length, true};
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const Utf8 c = next_utf8(bytes);
    if (!c.valid) return false;
    bytes.remove_prefix(c.length);
  }
  return true;
}

std::string to_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const Utf8 c = next_utf8(bytes);
    out.append(c.valid ? bytes.substr(0, c.length) : std::string_view("\xEF\xBF\xBD"));
    bytes.remove_prefix(c.length);
  }
  return out;
}

std::string printable(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const Utf8 c = next_utf8(bytes);
    if (c.valid && !hides(c.point)) {
      out.append(bytes.substr(0, c.length));
    } else {
      for (std::size_t i = 0; i < c.length; ++i) append_hex(out, byte_at(bytes, i));
    }
    bytes.remove_prefix(c.length);
  }
  return out;
}

std::string printable_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string out;
  for (;;) {
    const auto special = line.find_first_of("\t\x1b");
    out += printable(line.substr(0, special));
    if (special == std::string_view::npos) return out;
    line.remove_prefix(special);
    std::size_t size = 1;
    if (line.front() == '\t') {
      out += '\t';
    } else if (const auto end = line.find_first_not_of("0123456789;:", 2);
               line.starts_with("\x1b[") && end != std::string_view::npos && line[end] == 'm') {
      size = end + 1;
    } else {
      out += printable(line.substr(0, 1));
    }
    line.remove_prefix(size);
  }
}

std::string shell_quote(std::string_view arg) {
  if (arg.empty()) return "''";
  if (std::ranges::all_of(arg, plain_in_shell)) return std::string(arg);
  if (shows(arg)) {
    std::string out = "'";
    for (const char c : arg) {
      if (c == '\'') {
        out += "'\\''";
      } else {
        out += c;
      }
    }
    return out + "'";
  }
  const std::size_t last = arg.find_last_not_of('\n');
  const std::string_view head = last == std::string_view::npos ? std::string_view() : arg.substr(0, last + 1);
  std::string out;
  if (!head.empty()) out = "\"$(printf '" + printf_format(head) + "')\"";
  if (head.size() < arg.size()) out += "'" + std::string(arg.substr(head.size())) + "'";
  return out;
}

std::string shell_join(std::span<const std::string> words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    out += shell_quote(word);
  }
  return out;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text, std::string_view where) {
  struct Unit {
    std::string_view name;
    std::uint64_t ms;
  };
  static constexpr std::array<Unit, 5> kUnits{
      {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};
  constexpr std::uint64_t kMax = 100ULL * 365 * 86'400'000 + 25ULL * 86'400'000;   // 100 years with their leap days
  const auto wrong = [&](std::string_view why) {
    auto error = usage(std::string(where), std::string(why), "write 10, 500ms, 1.5s, 1m30s or 2h");
    error.error().what = std::string(text);
    return error;
  };
  constexpr std::string_view kDigits = "0123456789";
  if (text.empty()) return wrong("a duration is expected");
  std::uint64_t total = 0;
  std::size_t units_from = 0;   // a unit may be used once, and none larger after it
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t whole_end = std::min(rest.find_first_not_of(kDigits), rest.size());
    const std::string_view whole = rest.substr(0, whole_end);
    rest.remove_prefix(whole_end);
    std::string_view fraction;
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      const std::size_t end = std::min(rest.find_first_not_of(kDigits), rest.size());
      fraction = rest.substr(0, end);
      rest.remove_prefix(end);
      if (fraction.empty()) return wrong("is not a duration");
    }
    if (whole.empty()) return wrong("is not a duration");
    const std::size_t name_end = std::min(rest.find_first_of("0123456789."), rest.size());
    std::string_view name = rest.substr(0, name_end);
    rest.remove_prefix(name_end);
    if (name.empty()) {
      if (units_from != 0) return wrong("the last number has no unit");
      name = "s";
    }
    const auto unit = std::ranges::find(kUnits, name, &Unit::name);
    if (unit == kUnits.end()) return wrong("has a unit that is none of d, h, m, s, ms");
    const auto position = static_cast<std::size_t>(unit - kUnits.begin());
    if (position < units_from) return wrong("has its units out of order");
    units_from = position + 1;

    const auto value = parse_unsigned<std::uint64_t>(whole);
    if (!value || *value > kMax / unit->ms) return wrong("is more than 100 years");
    total += *value * unit->ms;
    std::uint64_t numerator = 0;   // nine digits of a fraction are enough: a day has under 10^9 ms
    std::uint64_t denominator = 1;
    for (const char digit : fraction.substr(0, 9)) {
      numerator = numerator * 10 + static_cast<std::uint64_t>(digit - '0');
      denominator *= 10;
    }
    total += numerator * unit->ms / denominator;
    if (total > kMax) return wrong("is more than 100 years");
  }
  if (total == 0) return wrong("must be at least a millisecond");
  return std::chrono::milliseconds(static_cast<std::int64_t>(total));
}

std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > 64) return std::nullopt;   // nobody mistypes that much; and the table is quadratic
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::optional<std::string_view> found;
  for (const std::string_view candidate : candidates) {
    if (candidate.empty() || candidate.size() > 64) continue;
    // Three rows of the usual table: the one in work, the last, and the one before for swapped neighbours.
    std::vector<std::size_t> before(candidate.size() + 1);
    std::vector<std::size_t> last(candidate.size() + 1);
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < word.size(); ++i) {
      std::swap(before, last);
      std::swap(last, row);
      row[0] = i + 1;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        row[j + 1] = std::min({last[j] + (word[i] == candidate[j] ? 0U : 1U), row[j] + 1, last[j + 1] + 1});
        if (i > 0 && j > 0 && word[i] == candidate[j - 1] && word[i - 1] == candidate[j]) {
          row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
        }
      }
    }
    // Everything replaced is no likeness: "x" is not a mistyped "y".
    if (row.back() < best && row.back() < std::max(word.size(), candidate.size())) {
      best = row.back();
      found = candidate;
    }
  }
  return found;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return out;
    text.remove_prefix(at + 1);
  }
}

std::string to_upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

}  // namespace sup
