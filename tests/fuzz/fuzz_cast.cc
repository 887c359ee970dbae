// spec/asciicast.h: any file can be read; what is written can be read back; and screenstate.h after any output.
#include "spec/asciicast.h"

#include "base/text.h"
#include "fuzz.h"
#include "spec/screenstate.h"

using namespace sup;
using sup::fuzz::require;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CastReader reader;
  std::chrono::nanoseconds last{};
  for (const auto line : split(bytes, '\n')) {
    const auto event = reader.line(line);
    if (!event) {
      require(event.error().code == "E_CAST", "E_CAST");
    } else if (*event) {
      require((*event)->at >= last, "time does not go back");
      require(reader.have_header(), "no event before the header");
      require(is_utf8((*event)->data), "UTF-8");
      last = (*event)->at;
    }
  }

  sup::fuzz::Input in(data, size);
  CastWriter writer;
  CastHeader header;
  header.cols = 1 + in.byte();
  header.rows = 1 + in.byte();
  header.command = in.text();
  std::string file = CastWriter::header(header);
  std::string output;
  std::chrono::nanoseconds at{};
  while (!in.empty()) {
    at += std::chrono::nanoseconds(in.number(3));
    const auto piece = in.piece(in.byte() & 31);
    output += piece;
    file += writer.output(at, piece);
  }
  file += writer.exit(at, 42);
  CastReader back;
  std::string read;
  bool ended = false;
  for (const auto line : split(file, '\n')) {
    const auto event = back.line(line);
    require(event.has_value(), "what is written can be read");
    if (*event && (*event)->code == 'o') read += (*event)->data;
    if (*event && (*event)->code == 'x') ended = (*event)->data == "42";
  }
  require(ended && back.header().cols == header.cols && back.header().rows == header.rows, "header and end");
  require(read == to_utf8(output), "the output, however it was cut");

  ScreenState screen;
  screen.feed(bytes);
  const std::string mend = screen.mend();
  ScreenState mended;
  mended.feed(bytes);
  mended.feed(mend);
  require(mended.mend().empty(), "mended");
  return 0;
}
