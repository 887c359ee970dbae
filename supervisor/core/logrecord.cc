#include "core/logrecord.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/text.h"

namespace sup {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHigh = 0x8080808080808080U;

// Eight bytes at once: does any of them need more than being copied? (Bit tricks: Warren, Hacker's Delight, 6-1.
// Where it says yes for a neighbour of such a byte, the loop below looks at each byte anyway.)
bool all_plain(std::uint64_t word) {
  const auto equals = [word](std::uint64_t byte) {
    const std::uint64_t x = word ^ (kOnes * byte);
    return (x - kOnes) & ~x;
  };
  const std::uint64_t below_space = (word - kOnes * 0x20) & ~word;
  return ((word | below_space | equals('"') | equals('\\') | equals(0x7F)) & kHigh) == 0;
}

bool plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

std::size_t plain_run(std::string_view bytes) {
  std::size_t i = 0;
  while (i + 8 <= bytes.size()) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, 8);
    if (!all_plain(word)) break;
    i += 8;
  }
  while (i < bytes.size() && plain(bytes[i])) ++i;
  return i;
}

void append_escape(std::string& out, char32_t c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kHex[c >> shift & 0xFU];
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

// Takes what is expected off the front of a line.
class Scanner {
 public:
  explicit Scanner(std::string_view line) : rest_(line) {}

  bool word(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  bool number(std::uint64_t& out) {
    const char* const end = rest_.data() + rest_.size();
    const auto [stop, error] = std::from_chars(rest_.data(), end, out);
    if (error != std::errc{}) return false;
    rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()));
    return true;
  }
  // Up to the quote that ends a JSON string; the quote goes too.
  bool string(std::string& out) {
    out.clear();
    for (;;) {
      const std::size_t run = plain_run(rest_);
      out.append(rest_.substr(0, run));
      rest_.remove_prefix(run);
      if (rest_.empty()) return false;
      const char c = rest_.front();
      if (c == '"') {
        rest_.remove_prefix(1);
        return true;
      }
      if (c == '\\') {
        if (!escape(out)) return false;
      } else if (static_cast<unsigned char>(c) >= 0x80) {
        out += c;
        rest_.remove_prefix(1);
      } else {
        return false;  // a bare control character: nothing we wrote
      }
    }
  }
  [[nodiscard]] bool end() const { return rest_.empty(); }

 private:
  bool escape(std::string& out) {
    if (rest_.size() < 2) return false;
    const char c = rest_[1];
    rest_.remove_prefix(2);
    switch (c) {
      case '"':
      case '\\': out += c; return true;
      case 'n': out += '\n'; return true;
      case 'r': out += '\r'; return true;
      case 't': out += '\t'; return true;
      case 'u': break;
      default: return false;
    }
    unsigned point = 0;
    if (rest_.size() < 4) return false;
    const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + 4, point, 16);
    if (error != std::errc{} || stop != rest_.data() + 4 || (point >= 0xD800 && point <= 0xDFFF)) return false;
    rest_.remove_prefix(4);
    if (point < 0x80) {
      out += static_cast<char>(point);
    } else if (point < 0x800) {
      out += static_cast<char>(0xC0 | point >> 6);
      out += static_cast<char>(0x80 | (point & 0x3F));
    } else {
      out += static_cast<char>(0xE0 | point >> 12);
      out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
      out += static_cast<char>(0x80 | (point & 0x3F));
    }
    return true;
  }

  std::string_view rest_;
};

}  // namespace

bool append_json_text(std::string& out, std::string_view bytes) {
  bool lossy = false;
  while (!bytes.empty()) {
    const std::size_t run = plain_run(bytes);
    out.append(bytes.data(), run);
    bytes.remove_prefix(run);
    if (bytes.empty()) break;
    const Utf8 c = next_utf8(bytes);
    if (!c.valid) {
      out += "\xEF\xBF\xBD";
      lossy = true;
    } else if (c.point < 0x80 || (c.point >= 0x80 && c.point < 0xA0) || c.point == 0x2028 || c.point == 0x2029) {
      append_escape(out, c.point);
    } else {
      out.append(bytes.data(), c.length);
    }
    bytes.remove_prefix(c.length);
  }
  return lossy;
}

std::string record_head(std::string_view time, OutputStream stream) {
  std::string head = R"({"time":")";
  head.append(time).append(R"(","stream":")").append(to_string(stream)).append(R"(","seq":)");
  return head;
}

void append_record(std::string& out, std::string_view head, std::uint64_t seq, std::string_view text, bool partial) {
  out.append(head);
  append_number(out, seq);
  out.append(R"(,"log":")");
  const bool lossy = append_json_text(out, text);
  out += '"';
  if (lossy) out.append(R"(,"lossy":true)");
  if (partial) out.append(R"(,"partial":true)");
  out.append("}\n");
}

void append_notice(std::string& out, std::string_view time, std::uint64_t seq, std::uint64_t bytes,
                   std::uint64_t records) {
  out.append(R"({"time":")").append(time).append(R"(","stream":"sup","seq":)");
  append_number(out, seq);
  out.append(R"(,"log":"","dropped_bytes":)");
  append_number(out, bytes);
  out.append(R"(,"dropped_records":)");
  append_number(out, records);
  out.append("}\n");
}

bool parse_record(std::string_view line, LogRecord& record) {
  Scanner in(line);
  if (!in.word(R"({"time":")") || !in.string(record.time) || !in.word(R"(,"stream":")")) return false;
  const bool notice = in.word(R"(sup")");
  if (!notice) {
    if (in.word(R"(stdout")"))
      record.stream = OutputStream::out;
    else if (in.word(R"(stderr")"))
      record.stream = OutputStream::err;
    else if (in.word(R"(tty")"))
      record.stream = OutputStream::tty;
    else
      return false;
  }
  if (!in.word(R"(,"seq":)") || !in.number(record.seq) || !in.word(R"(,"log":")") || !in.string(record.text))
    return false;
  record.dropped_bytes = 0;
  record.dropped_records = 0;
  if (notice) {
    if (!in.word(R"(,"dropped_bytes":)") || !in.number(record.dropped_bytes)) return false;
    if (!in.word(R"(,"dropped_records":)") || !in.number(record.dropped_records)) return false;
  }
  record.lossy = in.word(R"(,"lossy":true)");
  record.partial = in.word(R"(,"partial":true)");
  return in.word("}") && in.end();
}

std::optional<LogRecord> parse_record(std::string_view line) {
  LogRecord record;
  if (!parse_record(line, record)) return std::nullopt;
  return record;
}

std::optional<timespec> parse_rfc3339(std::string_view text) {
  std::size_t at = 0;
  bool good = true;
  const auto number = [&](std::size_t length, int least, int most) {
    const auto value = at + length <= text.size() ? parse_unsigned<unsigned>(text.substr(at, length)) : std::nullopt;
    at += length;
    if (!value || static_cast<int>(*value) < least || static_cast<int>(*value) > most) good = false;
    return value && good ? static_cast<int>(*value) : least;
  };
  const auto mark = [&](std::string_view any) {
    if (at >= text.size() || any.find(text[at]) == std::string_view::npos) good = false;
    return good ? text[at++] : '\0';
  };
  std::tm tm{};
  tm.tm_year = number(4, 1970, 9999) - 1900;
  mark("-");
  tm.tm_mon = number(2, 1, 12) - 1;
  mark("-");
  tm.tm_mday = number(2, 1, 31);
  mark("Tt ");
  tm.tm_hour = number(2, 0, 23);
  mark(":");
  tm.tm_min = number(2, 0, 59);
  mark(":");
  tm.tm_sec = number(2, 0, 60);
  if (!good) return std::nullopt;
  long nanoseconds = 0;
  if (at < text.size() && text[at] == '.') {
    long unit = 100'000'000;
    const std::size_t first = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
      nanoseconds += (text[at] - '0') * unit;
    if (at == first) return std::nullopt;
  }
  long offset = 0;
  const char zone = mark("Zz+-");
  if (zone == '+' || zone == '-') {
    offset = number(2, 0, 23) * 3600L;
    mark(":");
    offset += number(2, 0, 59) * 60L;
    if (zone == '-') offset = -offset;
  }
  if (!good || at != text.size()) return std::nullopt;
  const int month = tm.tm_mon;
  const bool leap_second = tm.tm_sec == 60;  // timegm counts it as the next minute's first
  const std::time_t local = timegm(&tm);
  if (tm.tm_mon != month && !leap_second) return std::nullopt;  // there is no 31st of February
  return timespec{.tv_sec = local - offset, .tv_nsec = nanoseconds};
}

std::size_t unfinished_utf8(std::string_view bytes) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, bytes.size()); ++back) {
    const std::string_view end = bytes.substr(bytes.size() - back);
    const auto first = static_cast<unsigned char>(end.front());
    if (first < 0x80) return 0;
    if ((first & 0xC0) == 0x80) continue;  // in the middle: look further back for the first
    const std::size_t wants = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    const Utf8 c = next_utf8(end);
    // Broken because it ends, not because of what it holds; and no byte that can never begin a character.
    return !c.valid && c.length == back && back < wants && first >= 0xC2 && first <= 0xF4 ? back : 0;
  }
  return 0;
}

}  // namespace sup
