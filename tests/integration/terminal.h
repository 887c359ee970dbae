// Terminal: a real pty with sup (or a shell) on it, as a user's terminal is: a session of its own,
// the pty its controlling terminal.
#pragma once
#include <string>

#include "harness.h"

namespace sup::test {

struct Size {
  unsigned short rows = 24, columns = 80;
};

// When it goes, or when wait() returns, the settings and the flags of the terminal must be what they
// were before the start; a case that means to break them says so by expect_restored(false).
class Terminal : public Process {
 public:
  explicit Terminal(const Start& start, Size size = {});
  ~Terminal() override;

  void resize(Size size);
  [[nodiscard]] bool raw() const;            // as a program sees it: no line editing, no echo, no signals
  bool wait_raw(bool wanted = true, milliseconds deadline = 10s);
  void hang_up();                            // the terminal vanishes
  void expect_restored(bool expect) { check_ = expect; }
  Ended finish(milliseconds deadline = 20s);  // wait, then the comparison
  // Sends, then waits for an answer that comes after it.
  bool ask(std::string_view bytes, std::string_view answer, milliseconds deadline = 10s);
  [[nodiscard]] std::string settings() const;  // a printable form of termios and of the description's flags

 private:
  void check_restored();
  std::string before_;
  Fd slave_;
  bool check_ = true;
};

}  // namespace sup::test
