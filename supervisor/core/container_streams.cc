// A Container's streams: what goes in and comes out, and its window.
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "core/container.h"
#include "sys/pty.h"

namespace sup {

void Container::output(Channel channel, std::string_view bytes) {
  auto& count = channel == Channel::out ? bytes_.out : bytes_.err;
  *count += bytes.size();
  if (!spans_.first_byte && running_us_ != 0) spans_.first_byte = between(running_us_, Loop::now_us());
  if (hooks_.output) hooks_.output(channel, bytes);
}

void Container::write_input(std::string_view bytes) {
  if (awaited_) {
    awaited_->input.append(bytes);
    return;
  }
  auto* to = master_ ? master_.get() : in_.get();
  if (to == nullptr || bytes.empty()) return;
  *bytes_.in += bytes.size();
  if (termios modes{}; master_ && ::tcgetattr(master_->fd(), &modes) == 0) eof_.feed(bytes, modes);
  to->write(bytes);
}

// A terminal takes input as long as it is there; one that does not would leave its user, before a raw terminal, no way
// out: not even ctrl-c would arrive.
void Container::keyboard_failed(int err) {
  if (hooks_.input_closed) hooks_.input_closed();
  if (state_ != State::running) return;
  outcome_.error =
      Error{.code = "E_INPUT", .where = "terminal", .what = "cannot pass input on to the command", .err = err};
  kill(Reason::sup_error);
}

std::size_t Container::input_queued() const {
  if (awaited_) return awaited_->input.size();
  const auto* to = master_ ? master_.get() : in_.get();
  return to == nullptr ? 0 : to->queued();
}

void Container::end_input() {
  if (awaited_) {
    awaited_->input_ended = true;
    return;
  }
  if (in_) return in_->end();
  if (!master_) return;
  termios t{};
  if (::tcgetattr(master_->fd(), &t) < 0 || t.c_cc[VEOF] == _POSIX_VDISABLE) return;
  // A program that reads keys (a shell's line editor) takes ctrl-d itself: what a person at the end would press.
  const int count = (t.c_lflag & ICANON) != 0 ? eof_.needed(t) : 1;
  master_->write(std::string(static_cast<std::size_t>(count), static_cast<char>(t.c_cc[VEOF])));
}

void Container::pause_output(Channel channel) {
  auto* from = master_ ? master_.get() : channel == Channel::out ? out_.get() : err_.get();
  if (from != nullptr) from->read_stop();
}

void Container::resume_output(Channel channel) {
  auto* from = master_ ? master_.get() : channel == Channel::out ? out_.get() : err_.get();
  if (from != nullptr && state_ != State::starting) from->read_start();
}

void Container::close_output(Channel channel) {
  // In the next turn: we may stand in this stream's own callback.
  loop_.later([this, channel] {
    auto& from = master_ ? master_ : channel == Channel::out ? out_ : err_;
    from.reset();
    if (awaited_) awaited_->closed = true;
    settle();
  });
}

bool Container::resize(const winsize& size) {
  if (awaited_) size_ = size;
  if (!master_ || (size.ws_row == size_.ws_row && size.ws_col == size_.ws_col)) return false;
  if (::ioctl(master_->fd(), TIOCSWINSZ, &size) < 0) return false;  // gone: its end is on the way
  size_ = size;
  emit(event::Resized{.rows = size.ws_row, .cols = size.ws_col});
  return true;
}

}  // namespace sup
