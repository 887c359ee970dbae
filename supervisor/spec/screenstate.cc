#include "spec/screenstate.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace sup {
namespace {

constexpr std::size_t kMaxParameters = 64;   // longer is nothing that we know

// Private modes that make a terminal useless for a shell when they stay on (xterm's ctlseqs):
// cursor keys, mouse reports, focus reports, alternate screens, bracketed paste, synchronized output.
constexpr std::array<unsigned, 15> kModes{1,    9,    47,   1000, 1001, 1002, 1003, 1004,
                                          1005, 1006, 1015, 1047, 1049, 2004, 2026};

}  // namespace

void ScreenState::feed(std::string_view bytes) {
  for (const char byte : bytes) {
    if (byte == '\x18' || byte == '\x1a') {   // CAN, SUB: the sequence ends here
      at_ = At::ground;
      continue;
    }
    switch (at_) {
      case At::ground:
        if (byte == '\x1b') at_ = At::escape;
        if (byte == '\x0e') graphics_ = true;
        if (byte == '\x0f') graphics_ = false;
        break;
      case At::escape: escaped(byte); break;
      case At::intermediate:
        if (byte == '\x1b') {
          at_ = At::escape;
        } else if (byte >= 0x30) {
          if (parameters_ == "(") graphics_ = byte == '0';
          at_ = At::ground;
        }
        break;
      case At::csi:
        if (byte == '\x1b') {
          at_ = At::escape;
        } else if (byte >= 0x40 && byte < 0x7f) {
          at_ = At::ground;
          control(byte);
        } else if (byte >= 0x20 && parameters_.size() < kMaxParameters) {
          parameters_ += byte;
        }
        break;
      case At::text:
        if (byte == '\x07') at_ = At::ground;
        if (byte == '\x1b') at_ = At::text_escape;
        break;
      case At::text_escape:
        if (byte == '\\') {
          at_ = At::ground;
        } else {
          escaped(byte);
        }
        break;
    }
  }
}

void ScreenState::escaped(char byte) {
  at_ = At::ground;
  parameters_.clear();
  switch (byte) {
    case '[': at_ = At::csi; break;
    case ']':
    case 'P':
    case 'X':
    case '^':
    case '_': at_ = At::text; break;
    case '\x1b': at_ = At::escape; break;
    case '=': keypad_ = true; break;
    case '>': keypad_ = false; break;
    case 'c': *this = ScreenState(); break;   // full reset
    default:
      if (byte >= 0x20 && byte < 0x30) {
        at_ = At::intermediate;
        parameters_ = byte;
      }
  }
}

void ScreenState::control(char final_byte) {
  if (parameters_ == "!" && final_byte == 'p') {   // soft reset
    const auto modes = modes_;
    *this = ScreenState();
    modes_ = modes;
    return;
  }
  if (final_byte == 'm') {
    // Only the first parameter can be told without knowing what the others mean (38;5;0 is a colour);
    // what ends in a lone 0 or is empty is off for sure.
    attributes_ = !(parameters_.empty() || parameters_.find_first_not_of("0;") == std::string::npos);
  } else if (final_byte == 'r' && !parameters_.starts_with('?')) {
    region_ = !parameters_.empty();
  } else if ((final_byte == 'h' || final_byte == 'l') && parameters_.starts_with('?')) {
    const bool on = final_byte == 'h';
    for (const std::string_view word : split(std::string_view(parameters_).substr(1), ';')) {
      const auto mode = parse_unsigned<unsigned>(word);
      if (!mode) continue;
      if (*mode == 25) cursor_hidden_ = !on;
      if (*mode == 7) no_wrap_ = !on;
      if (std::ranges::find(kModes, *mode) == kModes.end()) continue;
      if (on) {
        modes_.insert(*mode);
      } else {
        modes_.erase(*mode);
      }
    }
  }
}

std::string ScreenState::mend() const {
  std::string out;
  if (at_ == At::text || at_ == At::text_escape) {
    out += "\x1b\\";
  } else if (at_ != At::ground) {
    out += '\x18';
  }
  if (attributes_) out += "\x1b[0m";
  if (graphics_) out += "\x1b(B\x0f";
  if (region_) out += "\x1b[r";
  if (keypad_) out += "\x1b>";
  if (no_wrap_) out += "\x1b[?7h";
  for (const unsigned mode : modes_) out += "\x1b[?" + std::to_string(mode) + 'l';
  if (cursor_hidden_) out += "\x1b[?25h";
  return out;
}

}  // namespace sup
