#include "loop/signals.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sup {

ChildWatcher::ChildWatcher(Loop& loop, std::function<void()> changed) : loop_(loop), changed_(std::move(changed)) {}

Result<void> ChildWatcher::start() {
  // Ignored by whoever started us, it would make the kernel reap, and the status would be lost.
  struct sigaction by_default{};
  by_default.sa_handler = SIG_DFL;
  if (::sigaction(SIGCHLD, &by_default, nullptr) < 0) {
    return std::unexpected(
        Error{.code = "E_SIGNALFD", .where = "signals", .what = "cannot watch for SIGCHLD", .err = errno});
  }
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  auto reader = SignalReader::open(loop_, child, [this](const signalfd_siginfo&) { changed_(); });
  if (!reader) return std::unexpected(reader.error());
  reader_ = std::make_unique<SignalReader>(std::move(*reader));
  return {};
}

SignalReader::SignalReader(SignalReader&&) noexcept = default;

Result<SignalReader> SignalReader::open(Loop& loop, const sigset_t& set, Callback arrived) {
  const auto failed = [](int err) {
    return std::unexpected(
        Error{.code = "E_SIGNALFD", .where = "signals", .what = "cannot watch for signals", .err = err});
  };
  sigset_t wanted = set;
  for (const int s : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU}) {
    struct sigaction now{};
    if (sigismember(&wanted, s) == 1 && sigaction(s, nullptr, &now) == 0 && now.sa_handler == SIG_IGN)
      sigdelset(&wanted, s);
  }
  auto state = std::make_unique<State>();
  state->arrived = std::move(arrived);
  state->fd = Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!state->fd) return failed(errno);
  auto* h = new uv_poll_t;
  if (const int r = uv_poll_init(loop.get(), h, state->fd.get()); r != 0) {
    delete h;
    return failed(-r);
  }
  SignalReader reader;
  reader.handle_.reset(h);
  h->data = state.get();
  if (const int r = uv_poll_start(h, UV_READABLE,
                                  [](uv_poll_t* p, int, int) {
                                    // A few, then everybody else's turn: who sends without a pause must not keep the loop from the command's end.
                                    // Look again whether the reader still lives: a callback may end it.
                                    signalfd_siginfo info[8];
                                    auto* s = static_cast<State*>(p->data);
                                    const ssize_t n = s == nullptr ? 0 : ::read(s->fd.get(), info, sizeof info);
                                    if (n <= 0) return;
                                    const auto count = static_cast<std::size_t>(n) / sizeof info[0];
                                    for (std::size_t i = 0; i < count && p->data != nullptr; ++i) s->arrived(info[i]);
                                  });
      r != 0) {
    return failed(-r);
  }
  // Not blocked, they would do what their defaults say and never be read.
  sigset_t before;
  if (const int err = pthread_sigmask(SIG_BLOCK, &wanted, &before); err != 0) return failed(err);
  state->ours = wanted;
  for (int s = 1; s < NSIG; ++s) {
    if (sigismember(&before, s) == 1) sigdelset(&state->ours, s);
  }
  reader.state_ = std::move(state);
  return reader;
}

SignalReader::~SignalReader() {
  handle_.reset();  // before the descriptor: libuv forgets it first
  if (state_ && !state_->stays) pthread_sigmask(SIG_UNBLOCK, &state_->ours, nullptr);
}

}  // namespace sup
