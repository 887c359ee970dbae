// LogFile: a container's output on disk, as JSON lines (core/logrecord.h), rotated by size.
#pragma once
#include <array>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "core/logrecord.h"
#include "core/output.h"

namespace sup {

struct LogLimits {
  std::uint64_t max_size = std::uint64_t{10} << 20;   // bytes; a file grows past it only where one record is longer
  unsigned files = 3;                                 // 1 and more: NAME, NAME.1, … NAME.(files-1), the newest first
};

// Owned by the container; one writer a file. Every read of output becomes one write of whole records, so no file ever
// ends in half a record (what a crash tore is cut off by the next open). A line is held back until it is complete,
// longer than kMaxLogText, or flush() says that its beginning should be seen now (a prompt).
//
// What cannot be written (ENOSPC, EDQUOT, EFBIG, EIO …) is dropped and counted, never waited for: logging must not
// stop the command or the loop. As soon as writing works again a notice tells how much is missing. (EFBIG is one of
// them only where SIGXFSZ is ignored, which is for main() to do: its default kills.)
class LogFile {
 public:
  // dir: of the supervisor's own, for example <state>/ID; borrowed, must outlive this. name: one component. The file is
  // created 0600 or continued, its seq too; symlinks and what is no regular file are refused. E_LOG.
  static Result<std::unique_ptr<LogFile>> open(int dir, std::string name, LogLimits limits = {});

  // now: the time of the read, told in each of its records.
  void append(OutputStream stream, std::string_view bytes, const timespec& now);

  // Writes the lines that are held back, as partial ones; the first bytes of an incomplete character stay. Also tells
  // what was dropped, if that works now. For the owner to call when output pauses.
  void flush(const timespec& now);
  // The stream has ended: what is held back is all there will be.
  void finish(OutputStream stream, const timespec& now);
  // flush() has something to do.
  [[nodiscard]] bool holding() const;

  // What is in no file yet, for a live upgrade: the one who opens the same file next goes on where this one was.
  struct Memory {
    std::array<std::string, kOutputStreams> held;
    std::uint64_t dropped_bytes = 0;
    std::uint64_t dropped_records = 0;
    std::uint64_t dropped_total = 0;
    std::uint64_t seq = 0;
  };
  [[nodiscard]] Memory memory() const;
  void remember(Memory memory);

  // Since open: bytes of output (as they came) that are in no file, and the errno of the last failure (0: none yet).
  [[nodiscard]] std::uint64_t dropped_bytes() const { return dropped_total_; }
  // Those of them that no notice in the log tells of yet.
  [[nodiscard]] std::uint64_t untold_bytes() const { return dropped_bytes_; }
  [[nodiscard]] int last_error() const { return error_; }
  [[nodiscard]] std::uint64_t last_seq() const { return seq_; }

 private:
  struct Batch;
  LogFile(int dir, std::string name, LogLimits limits) : dir_(dir), name_(std::move(name)), limits_(limits) {}
  Result<> begin();
  Result<> repair();
  [[nodiscard]] static Batch& batch();

  void lines(OutputStream stream, std::string_view bytes, std::string_view head, Batch& to);
  void record(std::string_view head, std::string_view text, std::size_t raw, bool partial, Batch& to);
  void commit(const Batch& what);
  void tell_dropped(const timespec& now);
  [[nodiscard]] std::size_t write_whole(std::string_view records, const Batch* ends, std::size_t first,
                                        std::size_t end);
  [[nodiscard]] bool rotate();
  [[nodiscard]] std::string numbered(unsigned number) const { return name_ + "." + std::to_string(number); }

  int dir_;
  std::string name_;
  LogLimits limits_;
  Fd file_;
  std::uint64_t size_ = 0;  // of the file
  std::uint64_t seq_ = 0;  // the last one given
  bool torn_ = false;  // half a record could not be cut off again
  std::array<std::string, kOutputStreams> held_;  // beginnings of lines
  std::uint64_t dropped_bytes_ = 0;  // not told yet
  std::uint64_t dropped_records_ = 0;
  std::uint64_t dropped_total_ = 0;
  int error_ = 0;
};

}  // namespace sup
