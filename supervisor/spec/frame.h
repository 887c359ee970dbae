// Frame: what a connection carries after `attach` or `exec` has upgraded it from lines of JSON.
//
//   u8 type | u32 length, big-endian | length bytes
//
//   type         from        bytes
//   0 data-in    client      input for the command, up to 1 MiB
//   1 stdout     supervisor  output; a terminal's is all of this type
//   2 stderr     supervisor  output
//   3 resize     client      rows, columns: two u16, big-endian; 0 is "not known"
//   4 eof-in     client      none: the input has ended
//   5 exit       supervisor  one JSON object, the same as --status-fd's line without its line end; the last frame
//   6 detach     both        the client leaves and the command stays, or the supervisor lets the client go; then up to 64
//                            bytes say why, a word such as slow_client
//   7 ping       both        up to 64 bytes. The client asks, the supervisor sends them back; it never asks itself
//
// Data of no bytes is allowed and means nothing. An unknown type, one from the wrong side or a length its type cannot
// have ends the connection: past it nobody knows where the next frame begins.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sup {

enum class FrameType : std::uint8_t {
  data_in = 0,
  out = 1,
  err = 2,
  resize = 3,
  eof_in = 4,
  exit = 5,
  detach = 6,
  ping = 7
};
enum class FrameSide : std::uint8_t { client, supervisor };  // who sends

inline constexpr std::size_t kFrameHeader = 5;
inline constexpr std::size_t kMaxFramePayload = std::size_t{1} << 20;
inline constexpr std::size_t kMaxPing = 64;
inline constexpr std::size_t kMaxDetach = 64;
inline constexpr std::size_t kMaxExitJson = std::size_t{64} << 10;

[[nodiscard]] std::string_view to_string(FrameType type);  // "data-in", …

struct Frame {
  FrameType type{};
  std::string_view payload;  // the decoder's; valid until its next feed()
};

struct FrameSize {
  std::uint16_t rows = 0;
  std::uint16_t cols = 0;
  bool operator==(const FrameSize&) const = default;
};

// Appends one frame. payload: of a length that the type may have, else it is a fault of the caller (abort): output
// longer than kMaxFramePayload goes by append_data().
void append_frame(std::string& out, FrameType type, std::string_view payload = {});
// Data of any length in as many frames as it takes; none for no bytes.
void append_data(std::string& out, FrameType type, std::string_view bytes);
void append_resize(std::string& out, FrameSize size);
// The header alone, for who writes the bytes from where they are (writev).
[[nodiscard]] std::string frame_header(FrameType type, std::size_t length);

// frame: of type resize, from a decoder.
[[nodiscard]] FrameSize resize_of(const Frame& frame);

// Takes bytes as they come and gives whole frames. Holds at most one unfinished frame and what was fed with it: a
// header is judged before its payload is waited for. Owned by the session whose connection it reads.
class FrameDecoder {
 public:
  // from: who sends the bytes; what only the other side may say is an error.
  explicit FrameDecoder(FrameSide from) : from_(from) {}

  // Ends the life of every payload given out. After an error the bytes are forgotten.
  void feed(std::string_view bytes);

  // The next whole frame; nullopt: more bytes are needed. E_FRAME, and from then on always.
  [[nodiscard]] Result<std::optional<Frame>> next();

  // What was fed and not given out, for a live upgrade: to be fed to the next one.
  [[nodiscard]] std::string_view rest() const { return std::string_view(buffer_).substr(used_); }
  // The stream may end here: no frame is begun.
  [[nodiscard]] bool between_frames() const { return !failed_ && used_ == buffer_.size(); }

 private:
  FrameSide from_;
  std::string buffer_;
  std::size_t used_ = 0;  // bytes at the front that were given out
  std::optional<Error> failed_;
};

}  // namespace sup
