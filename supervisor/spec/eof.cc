#include "spec/eof.h"

#include <unistd.h>

#include <utility>

namespace sup {
namespace {

// N_TTY_BUF_SIZE less one: what is typed beyond it in one line is dropped by the kernel.
constexpr std::size_t kMaxLine = 4095;

bool is(char byte, const termios& modes, int index) {
  const cc_t wanted = modes.c_cc[index];
  return wanted != _POSIX_VDISABLE && static_cast<cc_t>(byte) == wanted;
}

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// As n_tty.c's eraser: letters and digits (of Latin-1, isalnum in the kernel's ctype) and the underscore.
bool in_word(char byte) {
  const auto c = static_cast<unsigned char>(byte);
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
         (c >= 0xC0 && c != 0xD7 && c != 0xF7);
}

}  // namespace

void EofTracker::line_byte(char byte) {
  if (line_.size() < kMaxLine) line_ += byte;
}

bool EofTracker::erase_character(bool utf8) {
  std::size_t at = line_.size();
  while (at > 0) {
    --at;
    if (!utf8 || !continues(line_[at])) {
      line_.resize(at);
      return true;
    }
  }
  return false;   // nothing, or only continuation bytes: the kernel does not erase half a character
}

void EofTracker::kill_line(bool utf8, tcflag_t local) {
  // Where the kernel erases visibly it goes character by character, and halts before half a one.
  constexpr tcflag_t kVisibly = ECHO | ECHOK | ECHOKE | ECHOE;
  if ((local & kVisibly) != kVisibly) line_.clear();
  while (erase_character(utf8)) {
  }
}

void EofTracker::erase_word(bool utf8) {
  bool seen = false;
  while (!line_.empty()) {
    std::size_t at = line_.size() - 1;
    while (utf8 && at > 0 && continues(line_[at])) --at;
    if (utf8 && continues(line_[at])) return;
    if (in_word(line_[at])) {
      seen = true;
    } else if (seen) {
      return;
    }
    line_.resize(at);
  }
}

void EofTracker::feed(std::string_view bytes, const termios& modes) {
  const tcflag_t in = modes.c_iflag;
  const tcflag_t local = modes.c_lflag;
  if ((local & ICANON) == 0) {
    if (!bytes.empty()) raw_bytes_ = true;
    return;
  }
  const bool utf8 = (in & IUTF8) != 0;
  const auto end_line = [this] {
    line_.clear();
    raw_bytes_ = false;
  };
  for (char byte : bytes) {
    if ((in & ISTRIP) != 0) byte = static_cast<char>(byte & 0x7F);
    if (std::exchange(literal_next_, false)) {
      line_byte(byte);
      continue;
    }
    if ((in & IXON) != 0 && (is(byte, modes, VSTART) || is(byte, modes, VSTOP))) continue;
    if ((local & ISIG) != 0 && (is(byte, modes, VINTR) || is(byte, modes, VQUIT) || is(byte, modes, VSUSP))) {
      if ((local & NOFLSH) == 0) end_line();
      continue;
    }
    if (byte == '\r') {
      if ((in & IGNCR) != 0) continue;
      if ((in & ICRNL) != 0) byte = '\n';
    } else if (byte == '\n' && (in & INLCR) != 0) {
      byte = '\r';
    }
    const bool extended = (local & IEXTEN) != 0;
    if (is(byte, modes, VERASE)) {
      erase_character(utf8);
    } else if (extended && is(byte, modes, VWERASE)) {
      erase_word(utf8);
    } else if (is(byte, modes, VKILL)) {
      kill_line(utf8, local);
    } else if (extended && is(byte, modes, VLNEXT)) {
      literal_next_ = true;
    } else if (extended && (local & ECHO) != 0 && is(byte, modes, VREPRINT)) {
      continue;
    } else if (byte == '\n' || is(byte, modes, VEOF) || is(byte, modes, VEOL) || (extended && is(byte, modes, VEOL2))) {
      end_line();
    } else {
      line_byte(byte);
    }
  }
}

int EofTracker::needed(const termios& modes) const {
  if ((modes.c_lflag & ICANON) == 0 || modes.c_cc[VEOF] == _POSIX_VDISABLE) return 0;
  // After a VLNEXT the next character is literal, a VEOF too: it takes one more.
  if (literal_next_) return 3;
  return line_.empty() && !raw_bytes_ ? 1 : 2;
}

void EofTracker::remember(Memory memory) {
  line_ = std::move(memory.line);
  literal_next_ = memory.literal_next;
  raw_bytes_ = memory.raw_bytes;
}

}  // namespace sup
