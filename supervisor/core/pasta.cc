#include "core/pasta.h"

#include <csignal>
#include <utility>

#include "sys/pasta.h"
#include "sys/pidfd.h"

namespace sup {

Pasta::Pasta(Loop& loop, Reaper& reaper, pid_t pid, Fd pidfd, Hooks hooks)
    : reaper_(reaper), hooks_(std::move(hooks)), pid_(pid), pidfd_(std::move(pidfd)), late_(loop) {
  reaper_.watch(pid_, [this](int, const rusage&, std::uint64_t) { died(); });
}

Result<std::unique_ptr<Pasta>> Pasta::start(Loop& loop, Reaper& reaper, pid_t init, const Spec& spec, Hooks hooks) {
  auto started = start_pasta(init, spec.publish);
  if (!started) return std::unexpected(std::move(started.error()));
  std::unique_ptr<Pasta> made(new Pasta(loop, reaper, started->pid, std::move(started->pidfd), std::move(hooks)));
  made->said_ = std::move(started->said);
  auto stream =
      Stream::open(loop, std::move(started->ready), {.on_data = [p = made.get()](std::string_view) { p->is_up(); }});
  if (!stream) return std::unexpected(std::move(stream.error()));
  made->ready_ = std::move(*stream);
  made->ready_->read_start();
  made->late_.start(kPatience, [p = made.get()] {
    p->too_late_ = true;
    p->kill();
  });
  return made;
}

std::unique_ptr<Pasta> Pasta::restore(Loop& loop, Reaper& reaper, pid_t pid, Fd pidfd, Hooks hooks) {
  std::unique_ptr<Pasta> made(new Pasta(loop, reaper, pid, std::move(pidfd), std::move(hooks)));
  made->up_ = true;
  return made;
}

Pasta::~Pasta() {
  if (!there()) return;
  kill();
  reaper_.wait_for(pid_);
}

// Without a pidfd (none was left) by its number, which is its own until it is reaped.
void Pasta::kill() {
  if (!there()) return;
  if (pidfd_) {
    (void)pidfd_signal(pidfd_.get(), SIGKILL);
  } else {
    (void)::kill(pid_, SIGKILL);
  }
}

void Pasta::end() {
  ending_ = true;
  kill();
}

void Pasta::is_up() {
  if (up_) return;
  up_ = true;
  late_.stop();
  seal(said_.get());
  said_.reset();
  if (hooks_.ready) hooks_.ready({});
}

void Pasta::died() {
  pid_ = -1;
  pidfd_.reset();
  late_.stop();
  if (!up_ && !ending_ && hooks_.ready) {
    const std::string words = last_words(said_.get());
    hooks_.ready(std::unexpected(Error{.code = "E_NETWORK",
                                       .where = "--network",
                                       .what = "pasta has not set up the network",
                                       .err = 0,
                                       .why = too_late_       ? "it took longer than 10 s"
                                              : words.empty() ? "it ended without a word"
                                                              : "it says: " + words,
                                       .hint = network_hint(words),
                                       .path = {},
                                       .stage = "network"}));
  }
  if (up_ && !ending_ && hooks_.lost) hooks_.lost();
  if (hooks_.gone) hooks_.gone();
}

}  // namespace sup
