// Text: what is done with bytes before a person, a log or a shell sees them, and the strict
// reading of small values. Bytes are bytes until that edge: nothing here is called before it.
#pragma once
#include <charconv>
#include <chrono>
#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sup {

// One character of UTF-8 text as RFC 3629 has it: no overlong forms, no surrogates, at most U+10FFFF.
// Not valid: `length` bytes (at least 1) are a broken or cut-off sequence, to be replaced as one.
struct Utf8 {
  char32_t point = 0xFFFD;
  std::size_t length = 1;
  bool valid = false;
};
// The character at the start of bytes, which must not be empty.
[[nodiscard]] Utf8 next_utf8(std::string_view bytes);

[[nodiscard]] bool is_utf8(std::string_view bytes);

// The bytes with every broken sequence replaced by U+FFFD; valid text comes back unchanged.
[[nodiscard]] std::string to_utf8(std::string_view bytes);

// The bytes as a terminal may show them on one line: control characters (C0, DEL, C1), line and
// paragraph separators, invisible and bidirectional formatting characters and what is not UTF-8 become
// \xNN, a byte at a time. A backslash stays as it is, so the result is for people, not for parsers, and
// printable(printable(x)) == printable(x).
[[nodiscard]] std::string printable(std::string_view bytes);

// A line of a program's output (without its newline) as a terminal may show it: as printable() does, but tabs stay, colours
// (ESC [ … m) go without a trace, and so does the carriage return of a line that was written to a terminal.
[[nodiscard]] std::string printable_line(std::string_view line);

// One word for a POSIX shell. Plain words come back as they are, others in single quotes. Words that hold
// what printable() would escape become "$(printf '…\ooo…')": $'…' is not understood by dash. The shell
// reads back exactly the same bytes; only a newline at the very end stands there as itself, because $(…)
// would drop it. NUL cannot be in an argument and is left out.
[[nodiscard]] std::string shell_quote(std::string_view arg);
// The words of a command line, quoted, with a space between.
[[nodiscard]] std::string shell_join(std::span<const std::string> words);

// A decimal number without sign, space or anything after it. nullopt also when it does not fit.
template <std::unsigned_integral T>
[[nodiscard]] std::optional<T> parse_unsigned(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

// "10", "1.5" (seconds), "500ms", "1m30s", "2h", "1d": units d, h, m, s, ms, each at most once, the large
// one first. 0 < duration <= 100 years, to the millisecond (what is finer is cut off). Error: E_USAGE at
// `where`.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text, std::string_view where = {});

// The candidate that `word` most likely meant (edit distance, swapped neighbours count once, of at most a
// third of its length, at least 1); nothing when none is near. The view is the candidate's.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> candidates);

// The pieces between separators; always at least one, which may be empty.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// ASCII only, whatever the locale.
[[nodiscard]] std::string to_upper(std::string_view text);

}  // namespace sup
