#include "loop/signals.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sup {

ChildWatcher::ChildWatcher(Loop& loop, std::function<void()> changed) : changed_(std::move(changed)) {
  auto* h = new uv_signal_t;
  uv_signal_init(loop.get(), h);  // cannot fail once the loop is up (signal.c)
  handle_.reset(h);
  h->data = this;
  // Fails only when sigaction(2) refuses SIGCHLD, which Linux does not.
  uv_signal_start(
      h,
      [](uv_signal_t* s, int) {
        if (s->data != nullptr) static_cast<ChildWatcher*>(s->data)->changed_();
      },
      SIGCHLD);
}

SignalReader::SignalReader(SignalReader&&) noexcept = default;

Result<SignalReader> SignalReader::open(Loop& loop, const sigset_t& set, Callback arrived) {
  const auto failed = [](int err) {
    return std::unexpected(Error{.code = "E_SIGNALFD", .where = "signals", .what = "cannot watch for signals", .err = err});
  };
  sigset_t wanted = set;
  for (const int s : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU}) {
    struct sigaction now {};
    if (sigismember(&wanted, s) == 1 && sigaction(s, nullptr, &now) == 0 && now.sa_handler == SIG_IGN) sigdelset(&wanted, s);
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
  if (const int r = uv_poll_start(
          h, UV_READABLE,
          [](uv_poll_t* p, int, int) {
            // Read in small batches and look again whether the reader still lives: a callback may end it.
            signalfd_siginfo info[8];
            while (p->data != nullptr) {
              auto* s = static_cast<State*>(p->data);
              const ssize_t n = ::read(s->fd.get(), info, sizeof info);
              if (n <= 0) return;
              const auto count = static_cast<std::size_t>(n) / sizeof info[0];
              for (std::size_t i = 0; i < count && p->data != nullptr; ++i) s->arrived(info[i]);
            }
          });
      r != 0) {
    return failed(-r);
  }
  pthread_sigmask(SIG_BLOCK, &wanted, &state->before);
  reader.state_ = std::move(state);
  return reader;
}

SignalReader::~SignalReader() {
  handle_.reset();  // before the descriptor: libuv forgets it first
  if (state_) pthread_sigmask(SIG_SETMASK, &state_->before, nullptr);
}

}  // namespace sup
