// A Container across a live upgrade.
#include <unistd.h>

#include <bit>
#include <csignal>
#include <utility>

#include "core/container.h"
#include "sys/pidfd.h"

namespace sup {
namespace {

SavedStream save_stream(const std::unique_ptr<Stream>& stream) {
  SavedStream saved;
  if (!stream) return saved;
  saved.fd = stream->fd();
  saved.reading = stream->reading();
  saved.ended = stream->ended();
  saved.ending = stream->ending();
  saved.unsent = stream->unsent();
  return saved;
}

// A stream that has ended is not opened again: nothing comes of it but its end, once more.
Result<void> restore_stream(Loop& loop, std::unique_ptr<Stream>& place, const SavedStream& saved,
                            Stream::Handlers handlers) {
  if (saved.fd < 0) return {};
  Fd fd(saved.fd);
  if (saved.ended) return {};
  auto stream = Stream::open(loop, std::move(fd), std::move(handlers));
  if (!stream) return std::unexpected(stream.error());
  place = std::move(*stream);
  if (!saved.unsent.empty()) place->write(saved.unsent);
  if (saved.ending) place->end();
  if (saved.reading) place->read_start();
  return {};
}

std::optional<std::int64_t> remaining(const Timer& timer) {
  const auto left = timer.remaining();
  return left ? std::optional<std::int64_t>(left->count()) : std::nullopt;
}

}  // namespace

SavedContainer Container::save() const {
  SavedContainer s;
  s.pid = pid_;
  if (entry_) s.exec = entry_->id, s.pid1 = entry_->pid1;
  s.pidfd = pidfd_.get();
  // What an exec is compiled from: without these it would be another user, or less confined, than before.
  s.cwd = facts_.cwd;
  s.passwd = facts_.passwd;
  s.group = facts_.group;
  for (const sock_filter& one : facts_.seccomp) s.seccomp.push_back(std::bit_cast<std::uint64_t>(one));
  s.landlock = facts_.landlock;
  s.top_directories = facts_.top_directories;
  s.top_files = facts_.top_files;
  s.uid = facts_.uid;
  s.gid = facts_.gid;
  s.boot = save_stream(boot_);
  s.master = save_stream(master_);
  s.in = save_stream(in_);
  s.out = save_stream(out_);
  s.err = save_stream(err_);
  s.boot_bytes = boot_bytes_;
  s.boot_ended = boot_ended_;
  s.reaped = reaped_;
  s.command_status = command_status_;
  s.command_pid = command_pid_;
  s.filtered_pid = filtered_pid_;
  auto eof = eof_.memory();
  s.eof_line = std::move(eof.line);
  s.eof_literal_next = eof.literal_next;
  s.eof_raw_bytes = eof.raw_bytes;
  s.rows = size_.ws_row;
  s.cols = size_.ws_col;
  s.timeout_ms = remaining(timeout_);
  s.grace_ms = remaining(grace_);
  if (ending_) s.ending = static_cast<int>(*ending_);
  s.asked_with = asked_with_;
  s.cloned_us = cloned_us_;
  s.exec_us = exec_us_;
  s.running_us = running_us_;
  s.dead_us = dead_us_;
  s.spans = spans_;
  s.usage = usage_;
  s.bytes = bytes_;
  s.wait_status = wait_status_;
  s.cause = cause_;
  s.fenced = fence_ && fence_->there();
  if (s.fenced) s.group_locks = fence_->locks();
  s.frozen = paused();
  s.kill_sent = kill_sent_;
  s.oom_kills = oom_kills_;
  if (pasta_ && pasta_->there()) s.pasta = pasta_->pid(), s.pasta_pidfd = pasta_->pidfd();
  return s;
}

Result<std::unique_ptr<Container>> Container::restore(Loop& loop, EventLog& log, Reaper& reaper, Spec spec, Facts facts,
                                                      SavedContainer saved, Hooks hooks) {
  facts.cwd = std::move(saved.cwd);
  facts.passwd = std::move(saved.passwd);
  facts.group = std::move(saved.group);
  for (const std::uint64_t one : saved.seccomp) facts.seccomp.push_back(std::bit_cast<sock_filter>(one));
  facts.landlock = saved.landlock;
  facts.top_directories = std::move(saved.top_directories);
  facts.top_files = std::move(saved.top_files);
  facts.uid = saved.uid;
  facts.gid = saved.gid;
  std::optional<Entry> entry;
  if (!saved.exec.empty()) entry = Entry{.id = saved.exec, .pid1 = saved.pid1, .pidfd = -1, .place = {}};
  auto made = std::make_unique<Container>(loop, log, reaper, std::move(spec), std::move(facts), Plan{},
                                          std::move(hooks), std::move(entry));
  auto& c = *made;
  c.state_ = State::running;
  c.pid_ = saved.pid;
  c.pidfd_ = Fd(saved.pidfd);
  c.boot_bytes_ = std::move(saved.boot_bytes);
  c.boot_ended_ = saved.boot_ended;
  c.reaped_ = saved.reaped;
  c.exec_said_ = true;
  c.outcome_.ran = true;
  c.command_status_ = saved.command_status;
  c.command_pid_ = saved.command_pid;
  c.filtered_pid_ = saved.filtered_pid;
  c.eof_.remember(
      {.line = std::move(saved.eof_line), .literal_next = saved.eof_literal_next, .raw_bytes = saved.eof_raw_bytes});
  c.size_.ws_row = static_cast<unsigned short>(saved.rows);
  c.size_.ws_col = static_cast<unsigned short>(saved.cols);
  if (saved.ending && *saved.ending >= 0 && *saved.ending <= static_cast<int>(Reason::sup_error))
    c.ending_ = static_cast<Reason>(*saved.ending);
  c.asked_with_ = saved.asked_with;
  c.cloned_us_ = saved.cloned_us;
  c.exec_us_ = saved.exec_us;
  c.running_us_ = saved.running_us;
  c.dead_us_ = saved.dead_us;
  c.spans_ = saved.spans;
  c.usage_ = saved.usage;
  c.bytes_ = saved.bytes;
  c.wait_status_ = saved.wait_status;
  c.cause_ = saved.cause;
  c.kill_sent_ = saved.kill_sent;
  c.oom_kills_ = saved.oom_kills;
  if (saved.fenced) {
    std::vector<Fd> locks;
    for (const int fd : saved.group_locks) locks.emplace_back(fd);
    c.fence_ = std::make_unique<Fence>(loop, c.facts_.id);
    c.fence_->reopen(saved.frozen, std::move(locks));
    if (!c.spec_.pid.empty()) c.fence_->guarded_by(c.pid_);
    c.watch_oom(c.spec_.limits);
  }
  if (saved.pasta > 0) c.pasta_ = Pasta::restore(loop, reaper, saved.pasta, Fd(saved.pasta_pidfd), c.network_hooks());
  // Watched before its streams are read: an end that comes at once must find who waits for it.
  if (!c.reaped_)
    reaper.watch(c.pid_,
                 [&c](int status, const rusage& usage, std::uint64_t since) { c.reaped(status, usage, since); });
  Result<void> all;
  const auto part = [&](std::unique_ptr<Stream>& place, const SavedStream& one, Stream::Handlers handlers) {
    if (auto r = restore_stream(loop, place, one, std::move(handlers)); !r) all = r;
  };
  part(c.boot_, saved.boot, c.boot_handlers());
  part(c.master_, saved.master, c.master_handlers());
  part(c.in_, saved.in, c.input_handlers());
  part(c.out_, saved.out, c.output_handlers(Channel::out));
  part(c.err_, saved.err, c.output_handlers(Channel::err));
  if (!all) {
    // Nobody would hear of it any more: it ends, and is reaped by whoever comes by.
    reaper.watch(c.pid_, [](int, const rusage&, std::uint64_t) {});
    if (!c.reaped_) (void)pidfd_signal(c.pidfd_.get(), SIGKILL);
    return std::unexpected(all.error());
  }
  if (saved.timeout_ms) {
    c.timeout_.start(std::chrono::milliseconds(*saved.timeout_ms),
                     [&c] { c.stop(c.spec_.stop_signal, c.spec_.stop_timeout, Reason::timeout); });
  }
  if (saved.grace_ms)
    c.grace_.start(std::chrono::milliseconds(*saved.grace_ms), [&c] { c.kill(c.ending_.value_or(Reason::stopped)); });
  // Kills for memory that came while nobody looked.
  if (c.fence_) loop.later([&c] { c.count_oom(); });
  // Ended already: what of its output is still held by somebody is waited for as before.
  if (c.reaped_) {
    loop.later([&c] {
      c.take_rest();
      c.settle();
    });
  }
  return made;
}

}  // namespace sup
