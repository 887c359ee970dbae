// spec/frame.h: whatever comes, however it is cut, the decoder gives the same frames and never more than was sent.
#include "spec/frame.h"

#include <vector>

#include "fuzz.h"

using namespace sup;
using sup::fuzz::require;

namespace {

struct Read {
  std::string again;   // the frames taken, encoded once more
  bool failed = false;
  bool clean = false;
};

Read read(FrameSide from, std::string_view bytes, std::size_t piece) {
  FrameDecoder decoder(from);
  Read r;
  while (!bytes.empty() && !r.failed) {
    const auto part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    decoder.feed(part);
    for (;;) {
      const auto one = decoder.next();
      if (!one) {
        r.failed = true;
        require(!decoder.next(), "an error stays");
        break;
      }
      if (!*one) break;
      append_frame(r.again, (*one)->type, (*one)->payload);   // aborts where the decoder let a wrong length pass
      if ((*one)->type == FrameType::resize) {
        std::string resized;
        append_resize(resized, resize_of(**one));
        require(r.again.ends_with(resized), "a size is the size it was");
      }
    }
  }
  r.clean = decoder.between_frames();
  return r;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sup::fuzz::Input in(data, size);
  const auto from = in.flag() ? FrameSide::client : FrameSide::supervisor;
  const std::size_t piece = 1U + in.byte();
  const auto bytes = in.rest();
  const Read whole = read(from, bytes, bytes.size() + 1);
  const Read cut = read(from, bytes, piece);
  require(whole.again == cut.again && whole.failed == cut.failed && whole.clean == cut.clean, "cuts change nothing");
  require(bytes.starts_with(whole.again), "frames are the bytes");
  require(whole.clean == (!whole.failed && whole.again.size() == bytes.size()), "clean is: nothing left");
  return 0;
}
