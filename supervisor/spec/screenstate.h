// ScreenState: what terminal output has switched on and not yet off, so that whoever stops showing it
// in the middle can leave the terminal as a shell expects it. Pure: bytes in, bytes out.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace sup {

class ScreenState {
 public:
  // The next bytes that the terminal gets; sequences may be cut anywhere.
  void feed(std::string_view bytes);
  // What puts the terminal right: ends a sequence that is only half there, switches off colours,
  // alternate screen, mouse reports, bracketed paste, a scroll region …, and shows the cursor. Empty when
  // there is nothing to mend.
  [[nodiscard]] std::string mend() const;

 private:
  enum class At : std::uint8_t { ground, escape, intermediate, csi, text, text_escape };
  void control(char final_byte);
  void escaped(char byte);

  At at_ = At::ground;
  std::string parameters_;          // of the CSI sequence being read; bounded
  std::set<unsigned> modes_;        // private modes (CSI ? N h) that are on and were off at the start
  bool attributes_ = false;         // some SGR is on
  bool cursor_hidden_ = false;
  bool no_wrap_ = false;
  bool region_ = false;             // a scroll region is set
  bool graphics_ = false;           // the line drawing set stands where letters should
  bool keypad_ = false;
};

}  // namespace sup
