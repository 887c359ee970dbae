#include "core/eventlog.h"

#include <fcntl.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <ctime>
#include <utility>

#include "core/eventjson.h"
#include "loop/stream.h"

namespace sup {
namespace {

spdlog::level::level_enum spd(Level level) {
  switch (level) {
    case Level::trace: return spdlog::level::trace;
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warning: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::unexpected<Error> refused(const std::string& dest, int err, std::string why, std::string hint) {
  return std::unexpected(Error{.code = "E_EVENTS",
                               .where = "--events",
                               .what = dest,
                               .err = err,
                               .why = std::move(why),
                               .hint = std::move(hint),
                               .path = dest});
}

// What waits for a reader who takes nothing (a pipe whose other end sleeps, a stopped terminal): what comes on top of that is
// dropped, and told of when there is room again.
constexpr std::size_t kMostWaiting = std::size_t{4} << 20;

// Where lines go. spdlog calls it with one rendered line at a time, so it has no formatter (base_sink would bring all of them,
// and what fmt has for numbers); the loop is single-threaded, so no mutex.
class LineSink final : public spdlog::sinks::sink {
 public:
  LineSink(std::unique_ptr<Stream> stream, bool terminal) : stream_(std::move(stream)), terminal_(terminal) {}
  void hold() { held_ = true; }
  void release() {
    held_ = false;
    if (!waiting_.empty()) put(std::exchange(waiting_, {}));
  }
  void at_line_start(bool yes) { line_start_ = yes; }
  [[nodiscard]] std::string unsent() const { return (stream_ ? stream_->unsent() : std::string()) + waiting_; }
  void write_raw(const std::string& lines) {
    if (stream_ && !lines.empty()) stream_->write(lines);
  }
  [[nodiscard]] bool stuck() const { return stream_ && stream_->stuck(); }
  [[nodiscard]] std::size_t waiting() const { return (stream_ ? stream_->queued() : 0) + waiting_.size(); }
  // Lines that nobody has been told of.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  void set_dropped(std::uint64_t lines) { dropped_ = lines; }
  void flush_all() {
    if (stream_) stream_->flush_blocking();
  }

  void log(const spdlog::details::log_msg& msg) override {
    std::string line(msg.payload.data(), msg.payload.size());
    line += '\n';
    if (waiting() + line.size() > kMostWaiting) {
      ++dropped_;
      return;
    }
    if (held_) {
      waiting_ += line;
    } else {
      put(line);
    }
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  void put(std::string_view lines) {
    if (!stream_) return;
    if (terminal_ && !line_start_) {
      // The command left its last line open: ours begins on a new one, as shells do it.
      stream_->write("\n");
      line_start_ = true;
    }
    stream_->write(lines);
  }

  std::unique_ptr<Stream> stream_;
  bool terminal_;
  bool held_ = false;
  bool line_start_ = true;
  std::string waiting_;
  std::uint64_t dropped_ = 0;
};

Result<Fd> open_file(const std::string& path) {
  // Not through a symlink, never waiting for a FIFO's reader: this may run as root on a path in /tmp.
  Fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600));
  if (!fd) {
    if (errno == ELOOP) return refused(path, ELOOP, "it is a symbolic link", "name the file itself");
    if (errno == ENXIO) return refused(path, ENXIO, "it is a FIFO without a reader", "open it yourself and pass fd:N");
    return refused(path, errno, {}, {});
  }
  struct stat st{};
  if (::fstat(fd.get(), &st) < 0) return refused(path, errno, {}, {});
  if (!S_ISREG(st.st_mode))
    return refused(path, EINVAL, "it is not a regular file", "open it yourself and pass fd:N, or use none");
  return fd;
}

}  // namespace

struct EventLog::State {
  std::shared_ptr<LineSink> sink;
  std::unique_ptr<spdlog::logger> logger;
  std::uint64_t seq = 0;
  std::string dest;
  bool wanted = true;  // somebody reads them
  int terminal = -1;
  std::string supervisor;
  std::function<void(std::uint64_t, std::string_view)> heard;
  int shared_fd = -1;  // a caller's description we could not reopen: its flags are put back at the end
  int shared_flags = 0;
};

EventLog::EventLog(std::unique_ptr<State> state) : state_(std::move(state)) {}

EventLog::~EventLog() {
  state_->logger.reset();
  state_->sink.reset();
  if (state_->shared_fd >= 0) ::fcntl(state_->shared_fd, F_SETFL, state_->shared_flags);
}

Result<std::optional<int>> EventLog::descriptor(const std::string& dest) {
  if (!dest.starts_with("fd:")) return std::nullopt;
  int number = -1;
  const auto digits = std::string_view(dest).substr(3);
  const auto r = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (r.ec != std::errc{} || r.ptr != digits.data() + digits.size() || number < 0 || ::fcntl(number, F_GETFD) < 0)
    return refused(dest, EBADF, "no such open descriptor", "open it in the shell: 3>events.jsonl --events fd:3");
  return number;
}

Result<std::unique_ptr<EventLog>> EventLog::open(Loop& loop, const std::string& dest, const std::string& level,
                                                 bool quiet, Lost lost) {
  auto minimum = parse_level(level);
  if (!minimum) return std::unexpected(minimum.error());
  if (quiet && *minimum < Level::warning) minimum = Level::warning;
  auto state = std::make_unique<State>();
  std::unique_ptr<Stream> stream;
  bool terminal = false;
  bool borrowed = false;
  if (dest != "none") {
    const auto named = descriptor(dest);
    if (!named) return std::unexpected(named.error());
    const int number = dest == "stderr" ? 2 : dest == "stdout" ? 1 : named->value_or(-1);
    Fd fd;
    if (number >= 0) {
      const int flags = ::fcntl(number, F_GETFL);
      auto own = own_description(number, O_WRONLY);
      if (!own) return std::unexpected(own.error());
      terminal = own->terminal;
      borrowed = own->shared && !terminal;
      if (own->shared && terminal) {
        state->shared_fd = number;
        state->shared_flags = flags;
      }
      if (terminal) state->terminal = number;
      fd = std::move(own->fd);
    } else {
      auto file = open_file(dest);
      if (!file) return std::unexpected(file.error());
      fd = std::move(*file);
    }
    Stream::Handlers handlers{.on_fail = [dest, lost = std::move(lost)](int err) {
      if (lost) {
        lost(Error{.code = "E_EVENTS",
                   .where = "--events",
                   .what = dest,
                   .err = err,
                   .why = {},
                   .hint = "events are lost from here on; the command is not touched",
                   .path = {},
                   .stage = {}});
      }
    }};
    auto opened = borrowed ? Stream::open_shared(loop, std::move(fd), std::move(handlers))
                           : Stream::open(loop, std::move(fd), std::move(handlers));
    if (!opened) return std::unexpected(opened.error());
    stream = std::move(*opened);
  }
  state->dest = dest;
  state->wanted = stream != nullptr;
  state->sink = std::make_shared<LineSink>(std::move(stream), terminal);
  state->logger = std::make_unique<spdlog::logger>("events", state->sink);
  state->logger->set_level(spd(*minimum));
  return std::unique_ptr<EventLog>(new EventLog(std::move(state)));
}

std::uint64_t EventLog::emit(const Event& event) {
  if (state_->sink->waiting() == 0) tell_dropped();
  const std::uint64_t seq = ++state_->seq;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const Level level = level_of(event);
  const bool wanted = state_->wanted && state_->logger->should_log(spd(level));
  if (!wanted && !state_->heard) return seq;
  const std::string line = event_line(event, seq, state_->supervisor, now);
  if (wanted) state_->logger->log(spd(level), line);
  if (state_->heard) state_->heard(seq, line);
  return seq;
}

void EventLog::tell_dropped() {
  const auto lines = state_->sink->dropped();
  if (lines == 0) return;
  state_->sink->set_dropped(0);
  emit(Event{.id = {},
             .name = {},
             .cause = 0,
             .what = event::Problem{.error = Error{.code = "E_EVENTS",
                                                   .where = "--events",
                                                   .what = state_->dest,
                                                   .err = 0,
                                                   .why = std::to_string(lines) + " lines are missing before this one",
                                                   .hint = "its reader has taken none for too long",
                                                   .path = {},
                                                   .stage = {}},
                                    .level = Level::warning}});
}

std::uint64_t EventLog::seq() const { return state_->seq; }
void EventLog::on_line(std::function<void(std::uint64_t, std::string_view)> heard) { state_->heard = std::move(heard); }

void EventLog::hold() { state_->sink->hold(); }
void EventLog::release() { state_->sink->release(); }
int EventLog::terminal() const { return state_->terminal; }
void EventLog::at_line_start(bool yes) { state_->sink->at_line_start(yes); }
bool EventLog::stuck() const { return state_->sink->stuck(); }
void EventLog::flush() {
  state_->sink->flush_all();
  if (state_->sink->dropped() == 0) return;
  tell_dropped();
  state_->sink->flush_all();
}
void EventLog::set_supervisor(std::string name) { state_->supervisor = std::move(name); }
const std::string& EventLog::supervisor() const { return state_->supervisor; }

EventLog::Memory EventLog::memory() const {
  return {.seq = state_->seq, .unsent = state_->sink->unsent(), .dropped = state_->sink->dropped()};
}
void EventLog::remember(const Memory& memory) {
  state_->seq = memory.seq;
  state_->sink->set_dropped(memory.dropped);
  state_->sink->write_raw(memory.unsent);
}

std::string_view to_string(Level level) {
  switch (level) {
    case Level::trace: return "trace";
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warning: return "warning";
    case Level::error: return "error";
  }
  return "info";
}

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::exit: return "exit";
    case Reason::signal: return "signal";
    case Reason::oom: return "oom";
    case Reason::timeout: return "timeout";
    case Reason::stopped: return "stopped";
    case Reason::sup_error: return "sup-error";
  }
  return "exit";
}

std::string_view to_string(Effect effect) {
  switch (effect) {
    case Effect::delivered: return "delivered";
    case Effect::ignored: return "ignored";
    case Effect::dropped_pid1: return "dropped-pid1";
    case Effect::gone: return "gone";
  }
  return "delivered";
}

std::string_view to_string(event::Left left) {
  switch (left) {
    case event::Left::client: return "client";
    case event::Left::gone: return "gone";
    case event::Left::slow_client: return "slow_client";
  }
  return "gone";
}

Result<Level> parse_level(std::string_view word) {
  for (const Level l : {Level::trace, Level::debug, Level::info, Level::warning, Level::error}) {
    if (word == to_string(l)) return l;
  }
  return usage("--log-level " + std::string(word), "not a level", "one of trace, debug, info, warning, error");
}

}  // namespace sup
