// base/text.h: what is shown is one line of text, what is quoted comes back as it was.
#include "base/text.h"

#include "fuzz.h"

using namespace sup;
using sup::fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string shown = printable(bytes);
  require(is_utf8(shown), "printable() is UTF-8");
  require(printable(shown) == shown, "printable() is at rest");
  for (const char c : shown)
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "printable() has no control character");
  const std::string text = to_utf8(bytes);
  require(is_utf8(text) && to_utf8(text) == text && (!is_utf8(bytes) || text == bytes), "to_utf8()");
  const std::string quoted = shell_quote(bytes);
  require(!quoted.empty(), "a quoted word is a word");
  // In single quotes a shell does nothing at all: undone by hand, these must come back.
  if (quoted.starts_with('\'') && bytes.find('\0') == std::string_view::npos) {
    std::string back;
    for (std::size_t i = 0; i < quoted.size();) {
      if (quoted[i] == '\\') {
        back += quoted[i + 1];
        i += 2;
        continue;
      }
      require(quoted[i] == '\'', "a quote where one belongs");
      const auto end = quoted.find('\'', i + 1);
      require(end != std::string::npos, "a quote that ends");
      back += quoted.substr(i + 1, end - i - 1);
      i = end + 1;
    }
    require(back == bytes, "shell_quote() can be undone");
  }
  if (const auto duration = parse_duration(bytes)) require(duration->count() > 0, "a duration is more than nothing");
  const std::string_view names[] = {"--interactive", "--tty", "--init"};
  (void)nearest(bytes, names);
  std::size_t total = 0;
  for (const auto piece : split(bytes, ':')) total += piece.size() + 1;
  require(total == bytes.size() + 1, "split() loses nothing");
  return 0;
}
