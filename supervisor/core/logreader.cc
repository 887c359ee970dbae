#include "core/logreader.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sup {
namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10;
constexpr std::size_t kMaxLine = std::size_t{1} << 20;   // more than any record is long
constexpr unsigned kMostFiles = 1000;
constexpr std::string_view kPartial = R"(,"partial":true})";  // how a partial record ends; a quote in `log` is escaped

std::unexpected<Error> failed(const std::string& name, int err, std::string why = {}) {
  return std::unexpected(Error{
      .code = "E_LOG", .where = "logs", .what = name, .err = err, .why = std::move(why), .hint = {}, .path = name});
}

// -1: errno.
ssize_t read_at(int fd, char* to, std::size_t size, std::uint64_t at) {
  for (;;) {
    const ssize_t n = ::pread(fd, to, size, static_cast<off_t>(at));
    if (n >= 0 || errno != EINTR) return n;
  }
}

bool earlier(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

}  // namespace

Result<LogReader> LogReader::open(int dir, std::string name, const LogQuery& query) {
  if (name.empty() || name.find('/') != std::string::npos) return failed(name, EINVAL, "is not a file name");
  LogReader reader(dir, std::move(name));
  auto files = reader.chain();
  if (!files) return std::unexpected(files.error());
  if (files->empty()) return failed(reader.name_, ENOENT);
  reader.files_ = std::move(*files);
  reader.since_ = query.since;
  if (query.since) {
    if (auto sought = reader.seek_since(*query.since); !sought) return std::unexpected(sought.error());
  }
  if (query.tail) {
    if (auto sought = reader.seek_tail(*query.tail); !sought) return std::unexpected(sought.error());
  }
  return reader;
}

std::optional<LogReader::File> LogReader::open_file(const std::string& name, int& err) const {
  File file{.fd = Fd(::openat(dir_, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY))};
  struct stat st{};
  err = 0;
  if (!file.fd || ::fstat(file.fd.get(), &st) < 0) {
    err = errno;
    return std::nullopt;
  }
  if (!S_ISREG(st.st_mode)) {
    err = EINVAL;
    return std::nullopt;
  }
  file.device = st.st_dev;
  file.inode = st.st_ino;
  return file;
}

// From the newest to the oldest, so that a file that is renamed meanwhile is met again and not missed; what was met
// twice is left out. When NAME is another file at the end than at the beginning, a rotation came in between: once
// more, from the start.
Result<std::vector<LogReader::File>> LogReader::chain() const {
  std::vector<File> files;
  for (int attempt = 0; attempt < 100; ++attempt) {
    files.clear();
    int err = 0;
    bool gap = false;
    for (unsigned i = 0; i < kMostFiles; ++i) {
      auto file = open_file(i == 0 ? name_ : name_ + "." + std::to_string(i), err);
      if (!file) {
        if (err != ENOENT) return failed(i == 0 ? name_ : name_ + "." + std::to_string(i), err);
        if (gap) break;
        gap = i != 0;  // a rotation leaves one at most
        continue;
      }
      if (std::ranges::none_of(files,
                               [&](const File& f) { return f.inode == file->inode && f.device == file->device; }))
        files.push_back(std::move(*file));
    }
    struct stat st{};
    const bool there = ::fstatat(dir_, name_.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (files.empty() && !there) break;
    if (!files.empty() && there && st.st_ino == files.front().inode && st.st_dev == files.front().device) break;
    ::sched_yield();
  }
  std::ranges::reverse(files);
  return files;
}

// Whole files that were last written before that time hold nothing of it.
Result<> LogReader::seek_since(const timespec& since) {
  for (; current_ + 1 < files_.size(); ++current_) {
    struct stat st{};
    if (::fstat(files_[current_].fd.get(), &st) < 0) return failed(name_, errno);
    if (!earlier(st.st_mtim, since)) break;
    files_[current_].fd.reset();
  }
  return {};
}

// From the end backwards, line end by line end, to the one before the first line wanted.
Result<> LogReader::seek_tail(std::uint64_t lines) {
  std::uint64_t count = 0;
  bool first = true;
  std::string chunk(kChunk, '\0');
  for (std::size_t index = files_.size(); index-- > current_;) {
    const int fd = files_[index].fd.get();
    struct stat st{};
    if (::fstat(fd, &st) < 0) return failed(name_, errno);
    for (std::uint64_t end = static_cast<std::uint64_t>(st.st_size); end > 0;) {
      const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(end, kChunk));
      const std::uint64_t begin = end - size;
      std::size_t got = 0;
      while (got < size) {
        const ssize_t n = read_at(fd, chunk.data() + got, size - got, begin + got);
        if (n < 0) return failed(name_, errno);
        if (n == 0) break;  // cut meanwhile
        got += static_cast<std::size_t>(n);
      }
      for (std::size_t upto = got; upto > 0;) {
        const void* const found = ::memrchr(chunk.data(), '\n', upto);
        if (found == nullptr) break;
        const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - chunk.data());
        upto = at;
        std::string ending(kPartial.size(), '\0');
        const std::uint64_t where = begin + at;  // of the line end
        bool partial = false;
        if (at >= ending.size()) {
          partial = std::string_view(chunk.data(), at).ends_with(kPartial);
        } else if (where >= ending.size()) {
          partial =
              read_at(fd, ending.data(), ending.size(), where - ending.size()) == static_cast<ssize_t>(ending.size()) &&
              ending == kPartial;
        }
        // A line that is not complete yet, at the very end, is a line too.
        const bool unfinished = first && partial && lines != 0;
        const bool line_end = !partial || (first && lines == 0);
        first = false;
        if (unfinished) ++count;
        if (!line_end) continue;
        if (count == lines) {
          for (std::size_t i = current_; i < index; ++i) files_[i].fd.reset();
          current_ = index;
          at_ = where + 1;
          return {};
        }
        ++count;
      }
      end = begin;
    }
  }
  return {};  // fewer lines than wanted: from the beginning
}

Result<bool> LogReader::next(LogRecord& record) {
  for (;;) {
    std::string_view text;
    const auto got = line(text);
    if (!got) return std::unexpected(got.error());
    if (*got == Line::none) {
      const auto more = advance();
      if (!more) return std::unexpected(more.error());
      if (!*more) return false;
      continue;
    }
    if (*got == Line::skipped || !parse_record(text, record)) {
      ++damaged_;
      continue;
    }
    // What a notice tells of was never in a file; those records' numbers are between it and the record before.
    const std::uint64_t expected = last_seq_ + record.dropped_records + 1;
    if (last_seq_ != 0 && record.seq > expected) missed_ += record.seq - expected;
    last_seq_ = record.seq;
    if (since_) {
      if (record.time != judged_time_) {
        const auto time = parse_rfc3339(record.time);
        judged_time_ = record.time;
        judged_ = !time || !earlier(*time, *since_);
      }
      if (!judged_) continue;
    }
    return true;
  }
}

// A whole line of the current file, without its line end; valid until the next call.
Result<LogReader::Line> LogReader::line(std::string_view& out) {
  std::size_t searched = used_;
  for (;;) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      out = std::string_view(buffer_).substr(used_, end - used_);
      used_ = end + 1;
      return std::exchange(skipping_, false) ? Line::skipped : Line::got;
    }
    if (buffer_.size() - used_ > kMaxLine) {
      skipping_ = true;
      used_ = buffer_.size();
    }
    buffer_.erase(0, used_);
    at_ += std::exchange(used_, 0);
    searched = buffer_.size();
    buffer_.resize(searched + kChunk);
    const ssize_t n = read_at(files_[current_].fd.get(), buffer_.data() + searched, kChunk, at_ + searched);
    const int err = errno;
    buffer_.resize(searched + (n > 0 ? static_cast<std::size_t>(n) : 0));
    if (n < 0) return failed(name_, err);
    if (n == 0) return Line::none;
  }
}

// At the current file's end: is there, or will there be, more after it? True: read on.
Result<bool> LogReader::advance() {
  // Half a line is read again when it is whole: a writer whose disk is full takes it back.
  const bool torn = !buffer_.empty() || skipping_;
  buffer_.clear();
  const auto move_on = [&] {
    if (torn) ++damaged_;
    skipping_ = false;
    files_[current_].fd.reset();
    ++current_;
    at_ = 0;
    finished_ = false;
    return true;
  };
  if (current_ + 1 < files_.size()) return move_on();
  struct stat st{};
  if (::fstat(files_[current_].fd.get(), &st) < 0) return failed(name_, errno);
  if (static_cast<std::uint64_t>(st.st_size) < at_) {
    at_ = 0;  // emptied by hand
    skipping_ = false;
    return st.st_size > 0;
  }
  File& here = files_[current_];
  if (::fstatat(dir_, name_.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno == ENOENT) return false;
    return failed(name_, errno);
  }
  if (st.st_ino == here.inode && st.st_dev == here.device) return false;
  // Rotated. What was written between our last read and then is still to be read, and nothing comes after it.
  if (!std::exchange(finished_, true)) return true;
  auto files = chain();
  if (!files) return std::unexpected(files.error());
  const auto us =
      std::ranges::find_if(*files, [&](const File& f) { return f.inode == here.inode && f.device == here.device; });
  // We are held open, so our number cannot be another file's. Gone: all there are came later.
  const auto later = us == files->end() ? files->begin() : us + 1;
  if (later == files->end()) return false;
  File last = std::move(here);
  files_.clear();
  files_.push_back(std::move(last));
  for (auto file = later; file != files->end(); ++file) files_.push_back(std::move(*file));
  current_ = 0;
  return move_on();
}

}  // namespace sup
