// Keys: the key sequence that leaves an attached terminal, and the filter that finds it in what is typed.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sup {

// docker's default, for attach and exec.
inline constexpr std::string_view kDetachKeys = "ctrl-p,ctrl-q";

// docker's grammar: keys separated by commas, each one ASCII character, or ctrl- and one of a-z @ [ \ ] ^ _ .
// "ctrl-p,ctrl-q" -> "\x10\x11"; "" -> "", no way to leave. Error: E_USAGE at `where`.
[[nodiscard]] Result<std::string> parse_detach_keys(std::string_view text, std::string_view where = "--detach-keys");

// Passes typed bytes on and keeps back those that may become the sequence. Without a match, what feed() and
// release() gave out is what was fed, byte for byte and in order; with one, only the sequence is missing.
// Pure: that a lone prefix goes on after 300 ms is the caller's timer, which calls release().
class DetachFilter {
 public:
  // keys: what parse_detach_keys() gave; empty: everything passes.
  explicit DetachFilter(std::string keys);

  struct Output {
    std::string pass;         // to the command, now
    bool detached = false;    // the sequence was complete
    std::size_t used = 0;     // how many of the bytes fed were read: all, or up to the sequence's end
  };
  [[nodiscard]] Output feed(std::string_view bytes);

  // Bytes are being kept back: a timer makes sense.
  [[nodiscard]] bool holding() const { return matched_ != 0; }

  // Gives out what is kept back, because time or the input is over.
  [[nodiscard]] std::string release();

 private:
  std::string keys_;
  std::vector<std::size_t> fallback_;   // for each prefix the longest other prefix it ends with
  std::size_t matched_ = 0;             // bytes of keys_ seen and kept back, always less than its size
};

}  // namespace sup
