// The log of each container's output: see core/logfile.h.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "core/supervisor.h"

namespace sup {
namespace {

constexpr std::chrono::milliseconds kLogPause{250};

}  // namespace

Result<void> Supervisor::open_log(Held& held) {
  held.log_directory_ = logs_ + "/" + held.id_;
  const auto failed = [&](int err) {
    return std::unexpected(Error{.code = "E_LOG",
                                 .where = "log",
                                 .what = held.log_directory_,
                                 .err = err,
                                 .path = held.log_directory_,
                                 .stage = {}});
  };
  if (log_on_demand_ && ::mkdir(logs_.c_str(), 0700) < 0 && errno != EEXIST) return failed(errno);
  // There already: of before a live upgrade. Nobody else makes directories where ours are.
  if (::mkdir(held.log_directory_.c_str(), 0700) < 0 && errno != EEXIST) return failed(errno);
  held.log_fd_ = Fd(::open(held.log_directory_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!held.log_fd_) return failed(errno);
  auto log = LogFile::open(held.log_fd_.get(), kLogName);
  if (!log) return std::unexpected(log.error());
  held.log_ = std::move(*log);
  held.log_pause_ = std::make_unique<Timer>(loop_);
  return {};
}

void Supervisor::begin_log(Held& held, std::size_t coming) {
  if (auto begun = open_log(held); !begun) {
    if (std::exchange(held.log_missed_, held.log_missed_ + coming) != 0) return;
    log_.emit(Event{.id = held.id_,
                    .name = held.name(),
                    .cause = 0,
                    .what = event::Problem{.error = begun.error(), .level = Level::error}});
    return;
  }
  if (held.log_missed_ == 0) return;
  LogFile::Memory missed;
  missed.dropped_bytes = missed.dropped_total = std::exchange(held.log_missed_, 0);
  held.log_->remember(std::move(missed));
}

Result<std::string> Supervisor::log_of(Held& held) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  if (held.log_) {
    // What was dropped is told as soon as that can be written, not only when there is more output.
    held.log_->flush(now);
    return held.log_directory_;
  }
  if (auto r = open_log(held); !r) return std::unexpected(r.error());
  // What the ring has lost already is told as missing.
  const std::uint64_t lost = held.ring_.total() - held.ring_.size();
  LogFile::Memory before;
  before.dropped_bytes = before.dropped_total = lost;
  if (lost != 0) held.log_->remember(before);
  for (const auto& [stream, bytes] : held.ring_.snapshot()) held.log_->append(stream, bytes, now);
  // What the command has not ended a line of is shown all the same.
  held.log_->flush(now);
  return held.log_directory_;
}

void Supervisor::output(Held& held, Channel channel, std::string_view bytes) {
  const auto stream = held.spec_.tty            ? OutputStream::tty
                      : channel == Channel::out ? OutputStream::out
                                                : OutputStream::err;
  log_output(held, stream, bytes);
  if (held.audience_.empty()) return;
  held.audience_.output(stream, bytes);
  if (held.audience_.full()) held.container_->pause_output(channel);
}

void Supervisor::log_output(Held& held, OutputStream stream, std::string_view bytes) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  held.ring_.append(stream, bytes);
  // The silent ones, which are many, have neither file nor directory.
  if (!held.log_ && !log_on_demand_) begin_log(held, bytes.size());
  if (!held.log_) return;
  held.log_->append(stream, bytes, now);
  if (held.log_->untold_bytes() != 0 && !std::exchange(held.log_trouble_told_, true)) {
    log_.emit(
        Event{.id = held.id_,
              .name = held.name(),
              .cause = held.container_ ? held.container_->last_seq() : 0,
              .what = event::Problem{
                  .error = Error{.code = "E_LOG",
                                 .where = "log",
                                 .what = held.log_directory_,
                                 .err = held.log_->last_error(),
                                 .why = {},
                                 .hint = "output is lost until it can be written again; the command is not touched",
                                 .path = held.log_directory_,
                                 .stage = {}},
                  .level = Level::error}});
  }
  // Set once, not with every read: a prompt is shown a moment late, and output in full flow costs no timers.
  if (held.log_->holding() && !held.log_pause_->active()) {
    held.log_pause_->start(kLogPause, [&held] {
      timespec then{};
      ::clock_gettime(CLOCK_REALTIME, &then);
      held.log_->flush(then);
    });
  }
}

}  // namespace sup
