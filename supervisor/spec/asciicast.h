// Asciicast: the file format of terminal recordings. Written as version 3, read as 2 or 3.
// Source: https://docs.asciinema.org/manual/asciicast/v3/ (and v2). Pure: lines in, lines out.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace sup {

struct CastHeader {
  int cols = 80;
  int rows = 24;
  std::string term;                                          // "xterm-256color"; empty: not said
  std::optional<std::int64_t> timestamp;                     // seconds since 1970, UTC
  std::string command;
  std::string title;
  std::vector<std::pair<std::string, std::string>> env;      // as a rule only SHELL
  bool operator==(const CastHeader&) const = default;
};

// Turns what happens on a terminal into the lines of a v3 file. It writes nothing: each function
// returns the line or lines, "\n" included, and the caller puts them into the file, in this order:
// header(), then any of the others with times that do not go back, then flush() or exit().
//
// `at` is the time since the recording began. The file holds intervals; each is the difference of two
// times that are already rounded to microseconds, so the rounding errors of a long recording do not add up.
//
// A JSON string must be UTF-8, but reads end anywhere: a sequence that is cut off at the end of one
// output waits for the next; what is no UTF-8 at all becomes U+FFFD.
class CastWriter {
 public:
  [[nodiscard]] static std::string header(const CastHeader& header);
  // Empty when all there is is the beginning of one character.
  [[nodiscard]] std::string output(std::chrono::nanoseconds at, std::string_view bytes);
  [[nodiscard]] std::string resize(std::chrono::nanoseconds at, int cols, int rows);
  [[nodiscard]] std::string marker(std::chrono::nanoseconds at, std::string_view label);
  // What still waits for its other half, as U+FFFD; empty when nothing does.
  [[nodiscard]] std::string flush(std::chrono::nanoseconds at);
  // flush(), then the event of the command's end; status as a shell has it, 0-255.
  [[nodiscard]] std::string exit(std::chrono::nanoseconds at, int status);

 private:
  [[nodiscard]] std::string event(std::chrono::nanoseconds at, char code, std::string_view utf8);

  std::int64_t last_us_ = 0;
  std::string carry_;        // at most 3 bytes: the valid beginning of one character
};

struct CastEvent {
  std::chrono::nanoseconds at{};   // since the beginning, never less than that of the event before
  char code = 'o';                 // 'o' output, 'r' resize, 'x' exit, 'm' marker, 'i' input
  std::string data;                // UTF-8
  bool operator==(const CastEvent&) const = default;
};

// Reads a recording a line at a time (without the line end). The first line that is no comment is the header.
class CastReader {
 public:
  // The event of this line; nothing for the header, comments, empty lines and kinds of events that it
  // does not know. Errors: E_CAST with the number of the line; after one the reader takes the next line
  // as if the bad one had not been there.
  [[nodiscard]] Result<std::optional<CastEvent>> line(std::string_view text);
  // Valid once have_header().
  [[nodiscard]] const CastHeader& header() const { return header_; }
  [[nodiscard]] bool have_header() const { return version_ != 0; }
  [[nodiscard]] int version() const { return version_; }
  [[nodiscard]] std::size_t line_number() const { return number_; }

 private:
  [[nodiscard]] std::unexpected<Error> wrong(std::string why, std::string hint = {}) const;
  [[nodiscard]] Result<void> read_header(std::string_view text);

  CastHeader header_;
  int version_ = 0;              // 0: no header yet
  std::size_t number_ = 0;
  std::chrono::nanoseconds at_{};
};

}  // namespace sup
