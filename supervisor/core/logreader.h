// LogReader: a container's log across its rotated files, oldest first, with or without waiting for more.
#pragma once
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "core/logrecord.h"

namespace sup {

struct LogQuery {
  std::optional<timespec> since;      // records of this time and later
  std::optional<std::uint64_t> tail;  // the last N lines; a line in several partial records counts as one
};

// Reads beside a LogFile that writes and rotates, in the same process or in another, and loses nothing: the files are
// held open from the beginning, and the next one is looked for only when the last is read to its end. It never waits.
// To follow, call next() again when the directory or a file in it changed (inotify: IN_MODIFY | IN_MOVED_TO) or after
// a while.
class LogReader {
 public:
  // dir: borrowed, must outlive this. name: as LogFile's. E_LOG; without any file: err is ENOENT.
  static Result<LogReader> open(int dir, std::string name, const LogQuery& query = {});

  // The next record; false: there is none now.
  [[nodiscard]] Result<bool> next(LogRecord& record);

  // Lines that were no records of ours and were passed over.
  [[nodiscard]] std::uint64_t damaged() const { return damaged_; }
  // Records between those read that are in no file any more, because reading was slower than two rotations. What the
  // writer could not write is not among them: a notice in the log tells that.
  [[nodiscard]] std::uint64_t missed() const { return missed_; }

 private:
  struct File {
    Fd fd;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
  };
  enum class Line : std::uint8_t { got, none, skipped };

  LogReader(int dir, std::string name) : dir_(dir), name_(std::move(name)) {}
  [[nodiscard]] Result<std::vector<File>> chain() const;  // the oldest first
  [[nodiscard]] std::optional<File> open_file(const std::string& name, int& err) const;
  Result<> seek_since(const timespec& since);
  Result<> seek_tail(std::uint64_t lines);
  [[nodiscard]] Result<Line> line(std::string_view& out);
  [[nodiscard]] Result<bool> advance();

  int dir_;
  std::string name_;
  std::vector<File> files_;  // files_[current_] is being read; those before it are closed
  std::size_t current_ = 0;
  std::uint64_t at_ = 0;  // in the current file, of buffer_'s first byte
  std::string buffer_;  // read, from at_ on
  std::size_t used_ = 0;  // bytes of it that were given out as whole lines
  bool skipping_ = false;  // in a line without end
  bool finished_ = false;  // the current file was rotated: nothing is added to it any more
  std::optional<timespec> since_;
  std::string judged_time_;  // the last record's, and what since_ says of it
  bool judged_ = false;
  std::uint64_t last_seq_ = 0;
  std::uint64_t damaged_ = 0;
  std::uint64_t missed_ = 0;
};

}  // namespace sup
