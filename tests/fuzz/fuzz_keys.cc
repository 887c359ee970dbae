// spec/keys.h and spec/eof.h: what is typed goes through, and VEOF is counted.
#include "spec/keys.h"

#include <unistd.h>

#include "fuzz.h"
#include "spec/eof.h"

using namespace sup;
using sup::fuzz::require;

namespace {

void filter(sup::fuzz::Input in, const std::string& keys) {
  DetachFilter f(keys);
  std::string fed;
  std::string out;
  bool matched = false;
  while (!in.empty()) {
    const auto control = in.byte();
    std::string_view piece = in.piece(control & 15);
    if ((control & 0x80) != 0) out += f.release();
    while (!piece.empty()) {
      const auto o = f.feed(piece);
      require(o.used <= piece.size() && o.used > 0, "progress");
      require(o.detached || o.used == piece.size(), "all is read unless it detaches");
      fed += piece.substr(0, o.used);
      out += o.pass;
      matched = matched || o.detached;
      if (o.detached) {
        require(fed.ends_with(keys) && !f.holding(), "detached by the keys");
        fed.resize(fed.size() - keys.size());
        require(out == fed, "only the sequence is missing");
        fed.clear();
        out.clear();
      }
      piece.remove_prefix(o.used);
    }
  }
  out += f.release();
  require(!f.holding() && out == fed, "what goes in comes out");
}

void eof(sup::fuzz::Input in) {
  EofTracker tracker;
  termios modes{};
  modes.c_lflag = ICANON | ECHO | ISIG | IEXTEN;
  modes.c_iflag = ICRNL | IUTF8;
  for (cc_t& key : modes.c_cc) key = _POSIX_VDISABLE;
  modes.c_cc[VEOF] = 4, modes.c_cc[VERASE] = 0x7f, modes.c_cc[VKILL] = 0x15, modes.c_cc[VWERASE] = 0x17,
  modes.c_cc[VLNEXT] = 0x16;
  modes.c_cc[VINTR] = 3;
  while (!in.empty()) {
    const auto control = in.byte();
    if ((control & 0x80) != 0) {
      modes.c_lflag = static_cast<tcflag_t>(in.number(4));
      modes.c_iflag = static_cast<tcflag_t>(in.number(4));
      modes.c_cc[in.byte() % NCCS] = in.byte();
    }
    tracker.feed(in.piece(control & 31), modes);
    const int n = tracker.needed(modes);
    require(n >= 0 && n <= 3, "0 to 3 VEOF");
    if ((modes.c_lflag & ICANON) == 0) require(n == 0, "none in raw mode");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sup::fuzz::Input in(data, size);
  const std::string text = in.text();
  auto keys = parse_detach_keys(text);
  const std::string raw(in.piece(in.byte() & 7));
  const auto rest = in.rest();
  const auto* at = reinterpret_cast<const std::uint8_t*>(rest.data());
  if (keys) filter({at, rest.size()}, *keys);
  filter({at, rest.size()}, raw);
  filter({at, rest.size()}, "");
  eof({at, rest.size()});
  return 0;
}
