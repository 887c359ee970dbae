#include "face/say.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace sup {

void say(std::string_view line) {
  // One write, so that it stays one line among others' output. On a raw terminal a line needs its own way back.
  termios t{};
  const bool raw = ::tcgetattr(2, &t) == 0 && (t.c_oflag & OPOST) == 0;
  std::string text = raw ? "\r\n" : "";
  text += "sup: ";
  text += line;
  text += raw ? "\r\n" : "\n";
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = ::write(2, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      pollfd p{.fd = 2, .events = POLLOUT, .revents = 0};
      ::poll(&p, 1, -1);
      continue;
    }
    if (n <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

void say_now(std::string_view line) {
  pollfd p{.fd = 2, .events = POLLOUT, .revents = 0};
  if (::poll(&p, 1, 0) > 0) say(line);
}

void say_now(const Error& error) { say_now(error.line()); }

void say(const Error& error) { say(error.line()); }

}  // namespace sup
