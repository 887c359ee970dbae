// A container's log: written, rotated, torn, full, and read beside all that.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "core/logfile.h"
#include "core/logreader.h"

using namespace sup;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

constexpr OutputStream out = OutputStream::out;
constexpr OutputStream err = OutputStream::err;
constexpr OutputStream tty = OutputStream::tty;

// A directory of its own, gone with the test.
class Dir {
 public:
  Dir() {
    std::string name = (fs::temp_directory_path() / "sup-log-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    fd_.reset(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    BOOST_REQUIRE(fd_.get() >= 0);
  }
  ~Dir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Dir(const Dir&) = delete;
  Dir& operator=(const Dir&) = delete;
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] fs::path operator/(const char* name) const { return path_ / name; }
  [[nodiscard]] std::string bytes(const char* name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void put(const char* name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary | std::ios::app) << bytes;
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(path_)) all.push_back(entry.path().filename());
    std::ranges::sort(all);
    return all;
  }

 private:
  fs::path path_;
  Fd fd_;
};

using Names = std::vector<std::string>;

std::unique_ptr<LogFile> opened(const Dir& dir, LogLimits limits = {}) {
  auto log = LogFile::open(dir.fd(), "log", limits);
  BOOST_REQUIRE_MESSAGE(log.has_value(), (log ? "" : log.error().line()));
  return std::move(*log);
}

timespec at(long seconds) { return {.tv_sec = 1'800'000'000 + seconds, .tv_nsec = 0}; }

LogReader reader_of(const Dir& dir, const LogQuery& query = {}) {
  auto reader = LogReader::open(dir.fd(), "log", query);
  BOOST_REQUIRE_MESSAGE(reader.has_value(), (reader ? "" : reader.error().line()));
  return std::move(*reader);
}

std::vector<LogRecord> rest(LogReader& reader) {
  std::vector<LogRecord> all;
  LogRecord record;
  for (;;) {
    const auto more = reader.next(record);
    BOOST_REQUIRE(more.has_value());
    if (!*more) return all;
    all.push_back(record);
  }
}

std::vector<LogRecord> all_of(const Dir& dir, const LogQuery& query = {}) {
  auto reader = reader_of(dir, query);
  auto all = rest(reader);
  BOOST_TEST(reader.damaged() == 0U);
  return all;
}

// The bytes of one stream, as they came where they were UTF-8.
std::string joined(const std::vector<LogRecord>& records, OutputStream stream) {
  std::string s;
  for (const LogRecord& r : records) {
    if (r.stream == stream && r.dropped_records == 0) s += r.text + (r.partial ? "" : "\n");
  }
  return s;
}

std::vector<std::string> texts(const std::vector<LogRecord>& records) {
  std::vector<std::string> all;
  for (const LogRecord& r : records) all.push_back(r.text + (r.partial ? "…" : ""));
  return all;
}

void in_order(const std::vector<LogRecord>& records, std::uint64_t first) {
  for (const LogRecord& r : records) BOOST_REQUIRE(r.seq == first++);
}

std::uint64_t writes_so_far() {
  std::ifstream io("/proc/self/io");
  for (std::string line; std::getline(io, line);) {
    if (line.starts_with("syscw: ")) return std::stoull(line.substr(7));
  }
  return 0;
}

// A disk that is full at `size` bytes of a file.
class FullAt {
 public:
  explicit FullAt(rlim_t size) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit now{.rlim_cur = size, .rlim_max = old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FullAt() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FullAt(const FullAt&) = delete;
  FullAt& operator=(const FullAt&) = delete;

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

}  // namespace

BOOST_AUTO_TEST_SUITE(logfile)

BOOST_AUTO_TEST_CASE(lines_become_records) {
  Dir dir;
  auto log = opened(dir);
  log->append(out, "one\ntwo\n", at(0));
  log->append(err, "oops\n", at(1));
  log->append(tty, "a\r\n\n", at(2));
  log->append(out, "", at(3));
  const auto records = all_of(dir);
  BOOST_TEST((texts(records) == Names{"one", "two", "oops", "a\r", ""}));
  in_order(records, 1);
  BOOST_TEST((records[2].stream == err));
  BOOST_TEST((records[3].stream == tty));
  BOOST_TEST(records[2].time == rfc3339(at(1)));
  struct stat st{};
  BOOST_REQUIRE(::stat((dir / "log").c_str(), &st) == 0);
  BOOST_TEST((st.st_mode & 07777) == 0600U);
  BOOST_TEST((dir.names() == Names{"log"}));
}

BOOST_AUTO_TEST_CASE(one_read_is_one_write) {
  Dir dir;
  auto log = opened(dir);
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "line " + std::to_string(i) + "\n";
  const auto before = writes_so_far();
  BOOST_REQUIRE(before != 0U);
  log->append(out, lines, at(0));
  BOOST_TEST(writes_so_far() - before < 10U);   // 1, and what a sanitizer writes to its own pipes
  BOOST_TEST(all_of(dir).size() == 1000U);
}

BOOST_AUTO_TEST_CASE(a_line_is_held_until_it_is_whole) {
  Dir dir;
  auto log = opened(dir);
  log->append(out, "hel", at(0));
  log->append(err, "E", at(0));
  BOOST_TEST(dir.bytes("log").empty());
  BOOST_TEST(log->holding());
  log->append(out, "lo\nmore", at(1));
  BOOST_TEST((texts(all_of(dir)) == Names{"hello"}));
  log->flush(at(2));
  BOOST_TEST(!log->holding());
  BOOST_TEST((texts(all_of(dir)) == Names{"hello", "more…", "E…"}));
  log->append(out, "\n", at(3));
  log->append(err, "nd", at(3));
  log->finish(err, at(4));
  log->finish(out, at(4));
  const auto records = all_of(dir);
  BOOST_TEST((texts(records) == Names{"hello", "more…", "E…", "", "nd…"}));
  BOOST_TEST(joined(records, out) == "hello\nmore\n");
  BOOST_TEST(joined(records, err) == "End");
  in_order(records, 1);
}

BOOST_AUTO_TEST_CASE(half_a_character_waits) {
  Dir dir;
  auto log = opened(dir);
  log->append(tty, "gr\xc3", at(0));
  log->flush(at(0));
  BOOST_TEST(!log->holding());
  log->append(tty, "\xbc\xc3", at(1));
  log->flush(at(1));
  log->finish(tty, at(2));
  const auto records = all_of(dir);
  BOOST_TEST((texts(records) == Names{"gr…", "\xc3\xbc…", "\xEF\xBF\xBD…"}));
  BOOST_TEST(!records[1].lossy);
  BOOST_TEST(records[2].lossy);
}

BOOST_AUTO_TEST_CASE(long_lines_are_split_between_characters) {
  Dir dir;
  auto log = opened(dir);
  std::string line;
  while (line.size() < 200'000) line += "\xe2\x82\xac";   // three bytes: no multiple of it is 64 KiB
  log->append(out, line + "\n", at(0));
  log->append(out, std::string(kMaxLogText, 'x') + "\n" + std::string(kMaxLogText + 1, 'y') + "\n", at(0));
  for (std::size_t i = 0; i < line.size(); i += 1000) log->append(err, std::string_view(line).substr(i, 1000), at(1));
  log->append(err, "\n", at(1));
  const auto records = all_of(dir);
  BOOST_TEST(joined(records, out) ==
             line + "\n" + std::string(kMaxLogText, 'x') + "\n" + std::string(kMaxLogText + 1, 'y') + "\n");
  BOOST_TEST(joined(records, err) == line + "\n");
  for (const LogRecord& r : records) {
    BOOST_TEST(!r.lossy);
    BOOST_TEST(r.text.size() <= kMaxLogText);
    if (r.partial) BOOST_TEST(r.text.size() > kMaxLogText - 4);
  }
  BOOST_TEST(records.size() == 4U + 1 + 2 + 4);
}

BOOST_AUTO_TEST_CASE(files_are_rotated_between_records) {
  Dir dir;
  constexpr std::uint64_t kMax = 2000;
  auto log = opened(dir, {.max_size = kMax, .files = 3});
  std::mt19937 random(6);
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    std::string lines;
    for (auto n = random() % 40; n > 0; --n) lines += std::string(random() % 60, 'a') + std::to_string(i) + "\n";
    log->append(out, lines, at(i));
    expected += lines;
    for (const char* name : {"log", "log.1", "log.2"}) {
      const std::string bytes = dir.bytes(name);
      BOOST_REQUIRE(bytes.size() <= kMax);
      BOOST_REQUIRE((bytes.empty() || bytes.ends_with('\n')));
    }
  }
  BOOST_TEST((dir.names() == Names{"log", "log.1", "log.2"}));
  const auto records = all_of(dir);
  BOOST_REQUIRE(!records.empty());
  in_order(records, records.front().seq);
  BOOST_TEST(records.back().seq == log->last_seq());
  BOOST_TEST(expected.ends_with(joined(records, out)));
  BOOST_TEST(dir.bytes("log.1").size() > kMax - 250);   // full, not given up early
}

BOOST_AUTO_TEST_CASE(limits_at_their_edges) {
  Dir dir;
  {
    auto log = opened(dir, {.max_size = 1, .files = 4});   // each record longer than a file
    for (int i = 0; i < 6; ++i) log->append(out, "x" + std::to_string(i) + "\n", at(0));
    BOOST_TEST((texts(all_of(dir)) == Names{"x2", "x3", "x4", "x5"}));
    log->append(out, "a\nb\nc\n", at(0));   // one read, three files
    BOOST_TEST((texts(all_of(dir)) == Names{"x5", "a", "b", "c"}));
  }
  {
    auto log = opened(dir, {.max_size = 1, .files = 2});   // smaller limits: what is too many goes
    BOOST_TEST((dir.names() == Names{"log", "log.1"}));
    log->append(out, "d\n", at(0));
    BOOST_TEST((texts(all_of(dir)) == Names{"c", "d"}));
  }
  {
    auto log = opened(dir, {.max_size = 1, .files = 1});
    log->append(out, "e\nf\n", at(0));
    BOOST_TEST((texts(all_of(dir)) == Names{"f"}));
    BOOST_TEST((dir.names() == Names{"log"}));
  }
}

BOOST_AUTO_TEST_CASE(a_log_is_continued) {
  Dir dir;
  opened(dir)->append(out, "one\ntwo\n", at(0));
  {
    auto log = opened(dir);
    BOOST_TEST(log->last_seq() == 2U);
    log->append(out, "three\n", at(1));
  }
  dir.put("log", R"({"time":"2026-11-23T10:00:00.000123+01:00","stream":"stdo)");   // the power went
  {
    auto log = opened(dir);
    BOOST_TEST(log->last_seq() == 3U);
    log->append(out, "four\n", at(2));
  }
  in_order(all_of(dir), 1);
  BOOST_TEST((texts(all_of(dir)) == Names{"one", "two", "three", "four"}));
  Dir torn;
  torn.put("log", std::string(300'000, 'x'));   // nothing but half a line
  opened(torn)->append(out, "one\n", at(0));
  BOOST_TEST((texts(all_of(torn)) == Names{"one"}));
}

// A crash between any two steps of a rotation.
BOOST_AUTO_TEST_CASE(a_rotation_that_was_not_finished) {
  const auto write = [](const Dir& dir, const char* text) {
    opened(dir, {.max_size = 300, .files = 3})->append(out, text, at(0));
  };
  const std::string before = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nbbbbbbbbbbb\n";
  const auto check = [&](const Dir& dir) {
    write(dir, "c\nd\n");
    const auto records = all_of(dir);
    in_order(records, 1);
    BOOST_TEST(joined(records, out) == before + "c\nd\n");
  };
  {
    Dir dir;
    write(dir, before.c_str());
    dir.put("log.new", "");
    check(dir);
  }
  {
    Dir dir;   // NAME.1 = NAME
    write(dir, before.c_str());
    fs::create_hard_link(dir / "log", dir / "log.1");
    dir.put("log.new", "");
    check(dir);
  }
  {
    Dir dir;   // moved, and not replaced yet
    write(dir, before.c_str());
    fs::rename(dir / "log", dir / "log.1");
    check(dir);
  }
  {
    Dir dir;   // replaced, and nothing written yet
    write(dir, before.c_str());
    fs::rename(dir / "log", dir / "log.2");
    dir.put("log", "");
    check(dir);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_log_is_refused) {
  Dir dir;
  fs::create_symlink("/etc/passwd", dir / "link");
  BOOST_REQUIRE(::mkfifo((dir / "fifo").c_str(), 0600) == 0);
  fs::create_directory(dir / "dir");
  for (const char* name : {"link", "fifo", "dir", "", ".", "..", "a/b", "/log"}) {
    BOOST_TEST_CONTEXT(name) {
      const auto log = LogFile::open(dir.fd(), name);
      BOOST_REQUIRE(!log);
      BOOST_TEST(log.error().code == "E_LOG");
      BOOST_TEST(!LogReader::open(dir.fd(), name));
    }
  }
  BOOST_TEST(LogFile::open(dir.fd(), "link").error().line() == "log: link: it is a symbolic link");
  BOOST_TEST(LogReader::open(dir.fd(), "none").error().err == ENOENT);
  BOOST_TEST(LogFile::open(-1, "log").error().err == EBADF);
}

BOOST_AUTO_TEST_CASE(a_full_disk_loses_whole_records_and_says_so) {
  Dir dir;
  auto log = opened(dir);
  log->append(out, "first\n", at(0));
  const std::size_t size = dir.bytes("log").size();
  {
    const FullAt full(size + size / 2 * 3);   // one more fits, the second would be torn
    log->append(out, "secon\nthird\nfourt\n", at(1));
  }
  BOOST_TEST(log->last_error() == EFBIG);
  BOOST_TEST(log->dropped_bytes() == 12U);
  BOOST_TEST(log->holding());
  BOOST_TEST((texts(all_of(dir)) == Names{"first", "secon"}));
  BOOST_TEST(dir.bytes("log").ends_with('\n'));
  {
    const FullAt full(dir.bytes("log").size() + 10);
    log->append(err, "fifth\n", at(2));   // not even the notice
    log->append(err, "held", at(2));
  }
  BOOST_TEST(log->dropped_bytes() == 18U);
  BOOST_TEST((texts(all_of(dir)) == Names{"first", "secon"}));
  log->append(err, " back\n", at(3));
  BOOST_TEST(!log->holding());
  auto reader = reader_of(dir);
  const auto records = rest(reader);
  BOOST_TEST((texts(records) == Names{"first", "secon", "", "held back"}));
  BOOST_TEST(records[2].dropped_bytes == 18U);
  BOOST_TEST(records[2].dropped_records == 3U);
  BOOST_TEST(records[2].seq == 6U);
  BOOST_TEST(records[3].seq == 7U);
  BOOST_TEST(reader.missed() == 0U);
  BOOST_TEST(reader.damaged() == 0U);
}

BOOST_AUTO_TEST_CASE(a_full_disk_at_any_byte) {
  for (std::size_t limit = 0; limit < 420; limit += 7) {
    Dir dir;
    auto log = opened(dir, {.max_size = 350, .files = 9});
    {
      const FullAt full(limit);
      for (int i = 0; i < 4; ++i) log->append(out, "line " + std::to_string(i) + "\nagain\n", at(i));
    }
    log->flush(at(9));
    log->append(out, "end\n", at(9));
    auto reader = reader_of(dir);
    const auto records = rest(reader);
    std::uint64_t lost = 0;
    std::uint64_t seen = 0;
    for (const LogRecord& r : records) {
      lost += r.dropped_records;
      seen += r.dropped_records == 0 ? 1 : 0;
    }
    BOOST_TEST_CONTEXT(limit) {
      BOOST_TEST(seen + lost == 9U);
      BOOST_TEST(reader.missed() == 0U);
      BOOST_TEST(reader.damaged() == 0U);
      BOOST_TEST(texts(records).back() == "end");
      BOOST_TEST(joined(records, out).size() + log->dropped_bytes() == 4 * 13 + 4U);
    }
  }
}

BOOST_AUTO_TEST_CASE(without_rotation_nothing_is_lost) {
  Dir dir;
  auto log = opened(dir, {.max_size = 200, .files = 3});
  fs::create_directory(dir / "log.new");   // in the way
  for (int i = 0; i < 20; ++i) log->append(out, std::to_string(i) + "\n", at(0));
  in_order(all_of(dir), 1);
  BOOST_TEST(all_of(dir).size() == 20U);
  BOOST_TEST(log->last_error() != 0);
  fs::remove(dir / "log.new");
  log->append(out, "20\n", at(0));
  BOOST_TEST(fs::exists(dir / "log.1"));
  in_order(all_of(dir), 1);
  BOOST_TEST(all_of(dir).size() == 21U);
}

BOOST_AUTO_TEST_CASE(following_meets_every_record_once) {
  std::mt19937 random(8);
  for (int round = 0; round < 30; ++round) {
    Dir dir;
    auto log = opened(dir, {.max_size = 2000 + random() % 4000, .files = 90});
    auto reader = reader_of(dir);
    std::string sent[2];
    std::vector<LogRecord> got;
    for (int step = 0; step < 80; ++step) {
      const std::size_t which = random() % 2;
      std::string bytes(random() % 400, 'a');
      for (char& c : bytes) c = random() % 20 == 0 ? '\n' : static_cast<char>('a' + random() % 26);
      log->append(which == 0 ? out : err, bytes, at(step));
      sent[which] += bytes;
      if (random() % 10 == 0) log->flush(at(step));
      if (random() % 3 == 0) std::ranges::copy(rest(reader), std::back_inserter(got));
    }
    log->finish(out, at(99));
    log->finish(err, at(99));
    std::ranges::copy(rest(reader), std::back_inserter(got));
    in_order(got, 1);
    BOOST_REQUIRE(joined(got, out) == sent[0]);
    BOOST_REQUIRE(joined(got, err) == sent[1]);
    BOOST_REQUIRE(reader.missed() == 0U);
    BOOST_REQUIRE(reader.damaged() == 0U);
    BOOST_REQUIRE((all_of(dir) == got));
  }
}

// Battery row B46.
BOOST_AUTO_TEST_CASE(a_thousand_rotations_lose_nothing_for_who_follows) {
  Dir dir;
  auto log = opened(dir, {.max_size = 2000, .files = 3});
  auto reader = reader_of(dir);
  std::uint64_t seen = 0;
  ino_t newest = 0;
  int rotations = 0;
  for (int step = 0; rotations < 1000; ++step) {
    log->append(out, "line " + std::to_string(step) + std::string(100, '.') + "\n", at(step));
    struct stat st{};
    BOOST_REQUIRE(::stat((dir / "log").c_str(), &st) == 0);
    if (std::exchange(newest, st.st_ino) != st.st_ino) ++rotations;
    for (const LogRecord& record : rest(reader)) {
      BOOST_REQUIRE(record.seq == ++seen);
      BOOST_REQUIRE(record.text.starts_with("line " + std::to_string(seen - 1) + "."));
      BOOST_REQUIRE(record.text.ends_with('.'));
    }
  }
  BOOST_TEST(seen == log->last_seq());
  BOOST_TEST(reader.missed() == 0U);
  BOOST_TEST(reader.damaged() == 0U);
}

// The writer in a thread of its own stands for another process: readers see any state in between.
BOOST_AUTO_TEST_CASE(reading_beside_a_writer) {
  Dir dir;
  constexpr int kReads = 3000;
  auto log = opened(dir, {.max_size = 50'000, .files = 200});
  auto reader = reader_of(dir);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < kReads; ++i) {
      std::string lines;
      for (int k = 0; k < 10; ++k) lines += "line " + std::to_string(i * 10 + k) + "\n";
      log->append(out, lines, at(i));
    }
    done = true;
  });
  std::uint64_t expected = 1;
  LogRecord record;
  bool good = true;
  for (bool last = false; good;) {
    const auto more = reader.next(record);
    if (!more)
      good = false;
    else if (*more)
      good = record.seq == expected && record.text == "line " + std::to_string(expected - 1), ++expected;
    else if (last)
      break;
    else
      last = done, std::this_thread::yield();
  }
  writer.join();
  BOOST_TEST(good);
  BOOST_TEST(expected == kReads * 10U + 1);
  BOOST_TEST(reader.missed() == 0U);
  BOOST_TEST(reader.damaged() == 0U);
}

BOOST_AUTO_TEST_CASE(a_reader_too_slow_knows) {
  Dir dir;
  auto log = opened(dir, {.max_size = 1, .files = 2});
  log->append(out, "1\n", at(0));
  auto reader = reader_of(dir);
  BOOST_TEST(rest(reader).size() == 1U);
  log->append(out, "2\n3\n4\n5\n6\n", at(0));
  BOOST_TEST((texts(rest(reader)) == Names{"5", "6"}));
  BOOST_TEST(reader.missed() == 3U);
}

BOOST_AUTO_TEST_CASE(what_is_held_open_is_not_lost) {
  Dir dir;
  auto log = opened(dir, {.max_size = 1, .files = 3});
  log->append(out, "1\n2\n3\n", at(0));
  auto reader = reader_of(dir);
  log->append(out, "4\n5\n", at(0));   // 1 and 2 are gone from the directory
  BOOST_TEST((texts(rest(reader)) == Names{"1", "2", "3", "4", "5"}));
  BOOST_TEST(reader.missed() == 0U);
}

BOOST_AUTO_TEST_CASE(tail_and_since_against_all) {
  std::mt19937 random(12);
  for (int round = 0; round < 25; ++round) {
    Dir dir;
    auto log = opened(dir, {.max_size = 200 + random() % 200'000, .files = 200});
    long now = 0;
    for (int step = 0; step < 60; ++step) {
      now += static_cast<long>(random() % 3);
      std::string bytes(random() % 30, 'x');
      if (random() % 40 == 0) bytes.assign(kMaxLogText + random() % 100'000, 'L');
      log->append(out, bytes + (random() % 4 == 0 ? "" : "\n"), at(now));
      if (random() % 8 == 0) log->flush(at(now));
    }
    if (random() % 2 == 0) log->finish(out, at(now));
    const auto all = all_of(dir);
    BOOST_REQUIRE(!all.empty());
    // The model: a line begins where the record before is not partial.
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i == 0 || !all[i - 1].partial) begins.push_back(i);
    }
    for (const std::uint64_t tail : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{random() % 70},
                                     std::uint64_t{1'000'000}}) {
      const std::size_t from = tail == 0 ? all.size() : tail >= begins.size() ? 0 : begins[begins.size() - tail];
      const std::vector<LogRecord> expected(all.begin() + static_cast<std::ptrdiff_t>(from), all.end());
      BOOST_REQUIRE((all_of(dir, {.since = {}, .tail = tail}) == expected));
      const long since = static_cast<long>(random()) % (now + 2);
      std::vector<LogRecord> later;
      for (const LogRecord& r : expected) {
        if (parse_rfc3339(r.time)->tv_sec >= at(since).tv_sec) later.push_back(r);
      }
      // The files were written now, in the past of these times: by their own times none would be skipped.
      for (const std::string& name : dir.names()) {
        const timespec times[2] = {at(now), at(now)};
        BOOST_REQUIRE(::utimensat(dir.fd(), name.c_str(), times, 0) == 0);
      }
      BOOST_REQUIRE((all_of(dir, {.since = at(since), .tail = tail}) == later));
    }
  }
}

BOOST_AUTO_TEST_CASE(old_files_are_passed_over) {
  Dir dir;
  auto log = opened(dir, {.max_size = 1, .files = 9});
  log->append(out, "1\n2\n", at(0));
  log->append(out, "3\n", at(100));
  const timespec old[2] = {at(0), at(0)};
  const timespec fresh[2] = {at(100), at(100)};
  BOOST_REQUIRE(::utimensat(dir.fd(), "log.2", old, 0) == 0);
  BOOST_REQUIRE(::utimensat(dir.fd(), "log.1", old, 0) == 0);
  BOOST_REQUIRE(::utimensat(dir.fd(), "log", fresh, 0) == 0);
  BOOST_TEST((texts(all_of(dir, {.since = at(50), .tail = {}})) == Names{"3"}));
  BOOST_TEST((texts(all_of(dir, {.since = at(0), .tail = {}})) == Names{"1", "2", "3"}));
  BOOST_TEST(texts(all_of(dir, {.since = at(101), .tail = {}})).empty());
}

BOOST_AUTO_TEST_CASE(half_a_line_is_nobodys) {
  Dir dir;
  std::string line;
  append_record(line, record_head("T", out), 1, "whole", false);
  dir.put("log", line.substr(0, 20));
  auto reader = reader_of(dir);
  BOOST_TEST(rest(reader).empty());
  BOOST_REQUIRE(::truncate((dir / "log").c_str(), 0) == 0);   // taken back by a writer whose disk was full
  dir.put("log", line);
  BOOST_TEST((texts(rest(reader)) == Names{"whole"}));
  BOOST_TEST(reader.damaged() == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_no_record_is_passed_over) {
  Dir dir;
  std::string line;
  append_record(line, record_head("T", out), 1, "one", false);
  std::string second;
  append_record(second, record_head("T", out), 2, "two", false);
  dir.put("log", "garbage\n" + line + "\n" + std::string(3'000'000, 'z') + "\n" + second);
  auto reader = reader_of(dir);
  BOOST_TEST((texts(rest(reader)) == Names{"one", "two"}));
  BOOST_TEST(reader.damaged() == 3U);
}

BOOST_AUTO_TEST_CASE(emptied_by_hand) {
  Dir dir;
  auto log = opened(dir);
  log->append(out, "one\ntwo\n", at(0));
  auto reader = reader_of(dir);
  BOOST_TEST(rest(reader).size() == 2U);
  BOOST_REQUIRE(::truncate((dir / "log").c_str(), 0) == 0);
  BOOST_TEST(rest(reader).empty());
  log->append(out, "three\n", at(0));
  BOOST_TEST((texts(rest(reader)) == Names{"three"}));
  fs::remove(dir / "log");
  BOOST_TEST(rest(reader).empty());   // no error: a new one may come
}

BOOST_AUTO_TEST_SUITE_END()
