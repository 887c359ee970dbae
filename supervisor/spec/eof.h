// EofTracker: how to say "end of input" through a terminal. A pipe is closed; a pty is not, its line discipline
// makes an end of file out of VEOF (ctrl-d), but only where a line begins: in the middle of one the first VEOF just
// hands the begun line to the reader. So whoever feeds a pty must know whether a line is begun.
#pragma once
#include <termios.h>

#include <string>
#include <string_view>

namespace sup {

// Follows what n_tty.c (Linux drivers/tty) does with typed bytes, as far as it makes lines longer or shorter: line
// ends, CR and NL mapping, erase, word erase, kill, literal next, signal characters. Pure: the caller brings the
// terminal's modes (tcgetattr(3) on the master shows the slave's).
class EofTracker {
 public:
  // These bytes were written to the master while the modes were `modes`.
  void feed(std::string_view bytes, const termios& modes);

  // How many VEOF characters (c_cc[VEOF]) make the reader see the end of file: 1 where a line begins, 2 in the
  // middle of one, 3 after a dangling VLNEXT (which makes the first a letter); 0 when no number of them does,
  // because the terminal is not in canonical mode or has VEOF switched off. Bytes fed in raw mode that may
  // still be unread count as a begun line: one VEOF too many does no harm after the end of the input, one
  // too few leaves the reader waiting.
  [[nodiscard]] int needed(const termios& modes) const;

  // As it is, for a live upgrade; the begun line is at most what the kernel keeps of one.
  struct Memory {
    std::string line;
    bool literal_next = false;
    bool raw_bytes = false;
  };
  [[nodiscard]] Memory memory() const {
    return {.line = line_, .literal_next = literal_next_, .raw_bytes = raw_bytes_};
  }
  void remember(Memory memory);

 private:
  void line_byte(char byte);
  bool erase_character(bool utf8);
  void erase_word(bool utf8);
  void kill_line(bool utf8, tcflag_t local);

  std::string line_;               // the begun line, at most what the kernel keeps of one
  bool literal_next_ = false;      // after VLNEXT
  bool raw_bytes_ = false;         // bytes were fed in raw mode since the last line end
};

}  // namespace sup
