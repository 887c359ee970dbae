// Watches: what an epoll(7) instance of libuv's is to watch, and what the kernel does not let it.
//
// libuv 1.44 calls abort(3) when epoll_ctl(2) fails (linux-core.c, uv__io_poll), and with a supervisor would go all its
// containers, for want of a little memory (ENOMEM) or because all programs of this user watch too much together (ENOSPC,
// /proc/sys/fs/epoll/max_user_watches). So epoll_ctl and epoll_wait as libuv calls them end here: what is refused is polled
// by ppoll(2) instead, and epoll is asked again at each turn.
#pragma once
#include <poll.h>
#include <sys/epoll.h>

#include <map>
#include <vector>

namespace sup {

// Owned by the Loop. As long as it lives, calls for its instance come here; those for others go to the kernel.
class Watches {
 public:
  // As epoll_ctl(2). Another one than the kernel's: for tests.
  using Ctl = int (*)(int epoll, int op, int fd, epoll_event* event);
  // epoll: not owned, open as long as this lives.
  explicit Watches(int epoll);
  Watches(int epoll, Ctl kernel);
  ~Watches();
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  // nullptr: nobody's.
  [[nodiscard]] static Watches* of(int epoll);

  // As epoll_ctl(2), but what could be watched and is refused is taken on. A regular file or a directory cannot (EPERM).
  [[nodiscard]] int control(int op, int fd, epoll_event* event);
  // As epoll_wait(2). timeout: ms, -1: none.
  [[nodiscard]] int wait(epoll_event* events, int room, int timeout);
  // How many are polled now.
  [[nodiscard]] std::size_t refused() const { return refused_.size(); }

 private:
  [[nodiscard]] int wait_polling(epoll_event* events, int room, int timeout);
  void ask_again();

  int epoll_;
  Ctl kernel_;
  Watches* next_;  // in the list of all
  std::map<int, epoll_event> refused_;  // by descriptor
  std::vector<pollfd> polled_;  // of one wait: epoll_ first
};

}  // namespace sup
