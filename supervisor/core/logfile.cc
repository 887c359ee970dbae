#include "core/logfile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/clock.h"

namespace sup {
namespace {

constexpr int kFlags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
constexpr std::size_t kTailWindow = std::size_t{1}
                                    << 20;   // more than any record: 6 bytes for each of kMaxLogText and the rest

std::unexpected<Error> refused(const std::string& name, int err, std::string why = {}) {
  return std::unexpected(Error{
      .code = "E_LOG", .where = "log", .what = name, .err = err, .why = std::move(why), .hint = {}, .path = name});
}

// The last `most` bytes of a file, or fewer; EINTR aside, what cannot be read is not there.
std::string end_of(int fd, std::uint64_t size, std::size_t most) {
  std::string out(static_cast<std::size_t>(std::min<std::uint64_t>(size, most)), '\0');
  std::size_t got = 0;
  while (got < out.size()) {
    const ssize_t n = ::pread(fd, out.data() + got, out.size() - got, static_cast<off_t>(size - out.size() + got));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  out.resize(got);
  return out;
}

// The seq of the last record that is whole; 0: none is.
std::uint64_t last_seq_in(std::string_view bytes) {
  LogRecord record;
  std::size_t end = bytes.rfind('\n');
  while (end != std::string_view::npos) {
    const std::size_t before = end == 0 ? std::string_view::npos : bytes.rfind('\n', end - 1);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    if (parse_record(bytes.substr(begin, end - begin), record)) return record.seq;
    end = before;
  }
  return 0;
}

}  // namespace

// Records rendered, not written yet. One for all containers of the thread: a batch lives no longer than the call.
struct LogFile::Batch {
  struct End {
    std::size_t at;    // in text, past the record
    std::size_t raw;   // bytes of output it stands for
  };
  std::string text;
  std::vector<End> ends;

  void clear() {
    if (text.capacity() > std::size_t{4} << 20) *this = {};   // one read of rubbish is not kept for ever
    text.clear();
    ends.clear();
  }
};

LogFile::Batch& LogFile::batch() {
  thread_local Batch shared;
  shared.clear();
  return shared;
}

Result<std::unique_ptr<LogFile>> LogFile::open(int dir, std::string name, LogLimits limits) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos) {
    return refused(name, EINVAL, "is not a file name");
  }
  limits.files = std::max(limits.files, 1U);
  std::unique_ptr<LogFile> log(new LogFile(dir, std::move(name), limits));
  if (auto begun = log->begin(); !begun) return std::unexpected(begun.error());
  return log;
}

Result<> LogFile::begin() {
  Fd file(::openat(dir_, name_.c_str(), kFlags | O_CREAT, 0600));
  if (!file) {
    if (errno == ELOOP) return refused(name_, ELOOP, "it is a symbolic link");
    return refused(name_, errno);
  }
  file_ = std::move(file);
  struct stat st{};
  if (::fstat(file_.get(), &st) < 0) return refused(name_, errno);
  if (!S_ISREG(st.st_mode)) return refused(name_, EINVAL, "it is not a regular file");
  size_ = static_cast<std::uint64_t>(st.st_size);
  if (auto repaired = repair(); !repaired) return repaired;
  // A rotation just before the end left an empty file; the count goes on from the one before.
  for (unsigned i = 1; seq_ == 0 && i <= 2; ++i) {
    const Fd before(::openat(dir_, numbered(i).c_str(), (kFlags & ~O_RDWR & ~O_APPEND) | O_RDONLY));
    if (before && ::fstat(before.get(), &st) == 0 && S_ISREG(st.st_mode)) {
      seq_ = last_seq_in(end_of(before.get(), static_cast<std::uint64_t>(st.st_size), kTailWindow));
    }
  }
  // Of larger limits in former times.
  for (unsigned i = limits_.files; ::unlinkat(dir_, numbered(i).c_str(), 0) == 0; ++i) {
  }
  return {};
}

// Cuts off what a crash tore, and finds the count.
Result<> LogFile::repair() {
  const std::string end = end_of(file_.get(), size_, kTailWindow);
  if (end.empty()) return {};
  const std::size_t last = end.rfind('\n');
  const std::size_t torn = last == std::string::npos ? end.size() : end.size() - last - 1;
  if (torn != 0) {
    if (::ftruncate(file_.get(), static_cast<off_t>(size_ - torn)) < 0)
      return refused(name_, errno, "half a record could not be cut off");
    size_ -= torn;
  }
  seq_ = last_seq_in(end);
  return {};
}

void LogFile::append(OutputStream stream, std::string_view bytes, const timespec& now) {
  if (bytes.empty()) return;
  tell_dropped(now);
  Batch& out = batch();
  lines(stream, bytes, record_head(rfc3339(now), stream), out);
  commit(out);
}

void LogFile::lines(OutputStream stream, std::string_view bytes, std::string_view head, Batch& to) {
  std::string& held = held_[static_cast<std::size_t>(stream)];
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const bool whole = end != std::string_view::npos;
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(whole ? end + 1 : bytes.size());
    if (!held.empty() || !whole) {
      // Only the rest of one line is ever copied.
      held += line;
      line = held;
    }
    while (line.size() > kMaxLogText) {
      std::size_t cut = kMaxLogText;
      cut -= unfinished_utf8(line.substr(0, cut));
      record(head, line.substr(0, cut), cut, true, to);
      line.remove_prefix(cut);
    }
    if (whole) {
      record(head, line, line.size() + 1, false, to);
      held.clear();
      if (held.capacity() > 4096) held = {};
    } else if (line.size() != held.size()) {
      held.erase(0, held.size() - line.size());
    }
  }
}

void LogFile::record(std::string_view head, std::string_view text, std::size_t raw, bool partial, Batch& to) {
  append_record(to.text, head, ++seq_, text, partial);
  to.ends.push_back({to.text.size(), raw});
}

void LogFile::flush(const timespec& now) {
  tell_dropped(now);
  Batch& out = batch();
  const std::string time = rfc3339(now);
  for (std::size_t i = 0; i < kOutputStreams; ++i) {
    std::string& held = held_[i];
    const std::size_t ready = held.size() - unfinished_utf8(held);
    if (ready == 0) continue;
    record(record_head(time, static_cast<OutputStream>(i)), std::string_view(held).substr(0, ready), ready, true, out);
    held.erase(0, ready);
  }
  commit(out);
}

void LogFile::finish(OutputStream stream, const timespec& now) {
  tell_dropped(now);
  std::string& held = held_[static_cast<std::size_t>(stream)];
  Batch& out = batch();
  if (!held.empty()) record(record_head(rfc3339(now), stream), held, held.size(), true, out);
  held = {};
  commit(out);
}

bool LogFile::holding() const {
  return dropped_records_ != 0 ||
         std::ranges::any_of(held_, [](const std::string& held) { return held.size() > unfinished_utf8(held); });
}

void LogFile::commit(const Batch& what) {
  std::size_t done = 0;                 // records
  bool works = dropped_records_ == 0;   // else the disk was full a moment ago, when it did not take the notice
  while (works && done < what.ends.size()) {
    const std::size_t from = done == 0 ? 0 : what.ends[done - 1].at;
    // As many as fit; all of them, nearly always.
    std::size_t end = what.ends.size();
    if (size_ + (what.text.size() - from) > limits_.max_size) {
      const std::uint64_t room = limits_.max_size > size_ ? limits_.max_size - size_ : 0;
      const auto first = what.ends.begin() + static_cast<std::ptrdiff_t>(done);
      const auto fits =
          std::partition_point(first, what.ends.end(), [&](const Batch::End& e) { return e.at - from <= room; });
      end = static_cast<std::size_t>(fits - what.ends.begin());
      if (end == done && size_ != 0) {
        if (rotate()) continue;
        end = what.ends.size();   // better a file too long than output lost
      }
      if (end == done) ++end;     // a record longer than a file has one to itself
    }
    const std::size_t written =
        write_whole(std::string_view(what.text).substr(from, what.ends[end - 1].at - from), &what, done, end);
    done += written;
    works = done == end;
  }
  for (; done < what.ends.size(); ++done) {
    dropped_bytes_ += what.ends[done].raw;
    dropped_total_ += what.ends[done].raw;
    ++dropped_records_;
  }
}

// Before the next records get their numbers: the notice's comes after those of what it tells of.
void LogFile::tell_dropped(const timespec& now) {
  if (dropped_records_ == 0) return;
  std::string notice;
  append_notice(notice, rfc3339(now), seq_ + 1, dropped_bytes_, dropped_records_);
  // No rotation for it: a full disk would push the old files out one by one.
  if (write_whole(notice, nullptr, 0, 1) == 0) return;
  ++seq_;
  dropped_bytes_ = 0;
  dropped_records_ = 0;
}

// Writes the records first … end of `ends` (one, where that is null). Returns how many are in the file, each of them
// whole.
std::size_t LogFile::write_whole(std::string_view records, const Batch* ends, std::size_t first, std::size_t end) {
  std::size_t done = 0;
  while (done < records.size()) {
    // Half a record that could not be cut off gets a line of its own.
    const bool seal = torn_ && done == 0;
    const std::string_view part = seal ? std::string_view("\n") : records.substr(done);
    const ssize_t n = ::write(file_.get(), part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      error_ = n < 0 ? errno : ENOSPC;
      break;
    }
    size_ += static_cast<std::uint64_t>(n);
    if (seal)
      torn_ = false;
    else
      done += static_cast<std::size_t>(n);
  }
  if (done == records.size()) return end - first;
  // The disk took a part. What is whole stays, the rest is cut off so that the file goes on with a whole record.
  const std::size_t base = ends != nullptr && first != 0 ? ends->ends[first - 1].at : 0;
  std::size_t whole = 0;
  std::size_t kept = 0;
  while (ends != nullptr && first + whole < end && ends->ends[first + whole].at - base <= done) {
    kept = ends->ends[first + whole].at - base;
    ++whole;
  }
  const std::size_t excess = done - kept;
  if (excess != 0) {
    // From the size as it is: somebody may have emptied the file by hand.
    struct stat st{};
    const bool cut = ::fstat(file_.get(), &st) == 0 && st.st_size >= static_cast<off_t>(excess) &&
                     ::ftruncate(file_.get(), st.st_size - static_cast<off_t>(excess)) == 0;
    if (cut)
      size_ -= excess;
    else
      torn_ = true;
  }
  return whole;
}

// The new file exists before an old one moves, and NAME exists all the time: readers find it, and a crash between any
// two steps leaves every record where it is found (perhaps under two names).
//   NAME.new created │ NAME.1 → NAME.2 … │ NAME.1 = NAME │ NAME.new → NAME
bool LogFile::rotate() {
  const std::string fresh = name_ + ".new";
  if (::unlinkat(dir_, fresh.c_str(), 0) < 0 && errno != ENOENT) {
    error_ = errno;
    return false;
  }
  Fd file(::openat(dir_, fresh.c_str(), kFlags | O_CREAT | O_EXCL, 0600));
  const auto fail = [&] {
    error_ = errno;
    if (file) ::unlinkat(dir_, fresh.c_str(), 0);
    return false;
  };
  if (!file) return fail();
  for (unsigned i = limits_.files - 1; i >= 2; --i) {
    if (::renameat(dir_, numbered(i - 1).c_str(), dir_, numbered(i).c_str()) < 0 && errno != ENOENT) return fail();
  }
  if (limits_.files >= 2) {
    const std::string first = numbered(1);
    if (::unlinkat(dir_, first.c_str(), 0) < 0 && errno != ENOENT) return fail();  // is there with two files only
    if (::linkat(dir_, name_.c_str(), dir_, first.c_str(), 0) < 0 && errno != ENOENT) {
      // A file system without links: then NAME is missing for a moment.
      if (::renameat(dir_, name_.c_str(), dir_, first.c_str()) < 0 && errno != ENOENT) return fail();
    }
  }
  if (::renameat(dir_, fresh.c_str(), dir_, name_.c_str()) < 0) {
    const int err = errno;
    if (limits_.files >= 2 && ::faccessat(dir_, name_.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) < 0)
      ::renameat(dir_, numbered(1).c_str(), dir_, name_.c_str());
    errno = err;
    return fail();
  }
  file_ = std::move(file);
  size_ = 0;
  torn_ = false;
  return true;
}

LogFile::Memory LogFile::memory() const {
  return {.held = held_,
          .dropped_bytes = dropped_bytes_,
          .dropped_records = dropped_records_,
          .dropped_total = dropped_total_,
          .seq = seq_};
}

void LogFile::remember(Memory memory) {
  held_ = std::move(memory.held);
  dropped_bytes_ = memory.dropped_bytes;
  dropped_records_ = memory.dropped_records;
  dropped_total_ = memory.dropped_total;
  seq_ = std::max(seq_, memory.seq);
}

}  // namespace sup
