// LogRecord: one line of a container's log file, written and read.
//
//   {"time":"2026-11-23T10:00:00.000123+01:00","stream":"stdout","seq":17,"log":"text"}
//
// The keys always stand in this order, after `log` where they are true: "lossy" (bytes that were not UTF-8 became
// U+FFFD), "partial" (the line goes on in the next record of the same stream). `log` is a line without its line end,
// of at most kMaxLogText bytes as they came. What was lost because it could not be written is told by
//
//   {"time":…,"stream":"sup","seq":…,"log":"","dropped_bytes":N,"dropped_records":M}
//
// whose seq comes after those of the M lost records.
#pragma once
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "core/output.h"

namespace sup {

inline constexpr std::size_t kMaxLogText = std::size_t{64} << 10;

struct LogRecord {
  std::string time;  // RFC 3339, microseconds
  OutputStream stream{};  // not for a notice of loss
  std::uint64_t seq = 0;  // one count for all streams of a container, from 1
  std::string text;  // UTF-8, without the line end
  bool lossy = false;
  bool partial = false;
  std::uint64_t dropped_bytes = 0;  // not 0: a notice of loss
  std::uint64_t dropped_records = 0;
  bool operator==(const LogRecord&) const = default;
};

// What the records of one read have in common, rendered once: all up to the number.
[[nodiscard]] std::string record_head(std::string_view time, OutputStream stream);
// A whole line with its line end.
void append_record(std::string& out, std::string_view head, std::uint64_t seq, std::string_view text, bool partial);
void append_notice(std::string& out, std::string_view time, std::uint64_t seq, std::uint64_t bytes,
                   std::uint64_t records);

// The inside of a JSON string: quotes, backslashes, control characters (C0, DEL, C1) and line separators escaped, so
// that a log is harmless on a terminal as well. True when something was not UTF-8 and became U+FFFD.
bool append_json_text(std::string& out, std::string_view bytes);

// line: without its line end. nullopt: none of ours (torn, edited, damaged).
[[nodiscard]] std::optional<LogRecord> parse_record(std::string_view line);
// The same into a record that is used again and again.
[[nodiscard]] bool parse_record(std::string_view line, LogRecord& record);

// "2026-11-23T10:00:00[.fraction](Z|+01:00)", the fraction to the nanosecond.
[[nodiscard]] std::optional<timespec> parse_rfc3339(std::string_view text);

// How many bytes at the end may be the beginning of a character that is not complete yet: 0 to 3.
[[nodiscard]] std::size_t unfinished_utf8(std::string_view bytes);

}  // namespace sup
