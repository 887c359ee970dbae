#include "spec/frame.h"

#include <array>
#include <cstdlib>
#include <utility>

namespace sup {
namespace {

struct Kind {
  std::string_view name;
  bool client;        // may send it
  bool supervisor;
  std::size_t least;
  std::size_t most;
};
constexpr std::array<Kind, 8> kKinds{{
    {"data-in", true, false, 0, kMaxFramePayload},
    {"stdout", false, true, 0, kMaxFramePayload},
    {"stderr", false, true, 0, kMaxFramePayload},
    {"resize", true, false, 4, 4},
    {"eof-in", true, false, 0, 0},
    {"exit", false, true, 2, kMaxExitJson},
    {"detach", true, true, 0, kMaxDetach},
    {"ping", true, true, 0, kMaxPing},
}};

const Kind& kind_of(FrameType type) { return kKinds[static_cast<std::size_t>(type)]; }

unsigned byte_at(std::string_view bytes, std::size_t i) { return static_cast<unsigned char>(bytes[i]); }

void append_header(std::string& out, FrameType type, std::size_t length) {
  const Kind& kind = kind_of(type);
  if (length < kind.least || length > kind.most) std::abort();   // the other side would hang up
  out += static_cast<char>(type);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>((length >> shift) & 0xFF);
}

Error broken(std::string why) {
  return {.code = "E_FRAME", .where = "protocol", .what = "frame", .err = 0, .why = std::move(why)};
}

}  // namespace

std::string_view to_string(FrameType type) { return kind_of(type).name; }

void append_frame(std::string& out, FrameType type, std::string_view payload) {
  append_header(out, type, payload.size());
  out += payload;
}

void append_data(std::string& out, FrameType type, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kMaxFramePayload);
    append_frame(out, type, piece);
    bytes.remove_prefix(piece.size());
  }
}

void append_resize(std::string& out, FrameSize size) {
  const std::array<char, 4> payload{static_cast<char>(size.rows >> 8), static_cast<char>(size.rows & 0xFF),
                                    static_cast<char>(size.cols >> 8), static_cast<char>(size.cols & 0xFF)};
  append_frame(out, FrameType::resize, {payload.data(), payload.size()});
}

std::string frame_header(FrameType type, std::size_t length) {
  std::string out;
  append_header(out, type, length);
  return out;
}

FrameSize resize_of(const Frame& frame) {
  if (frame.payload.size() != 4) std::abort();   // the decoder gives no other
  const auto number = [&](std::size_t i) {
    return static_cast<std::uint16_t>(byte_at(frame.payload, i) << 8 | byte_at(frame.payload, i + 1));
  };
  return {number(0), number(2)};
}

void FrameDecoder::feed(std::string_view bytes) {
  if (failed_) return;
  // What was given out goes first, so the buffer never holds more than one unfinished frame before the new bytes.
  buffer_.erase(0, std::exchange(used_, 0));
  // A megabyte once received is not kept for a session that then types letters.
  if (buffer_.empty() && buffer_.capacity() > kMaxFramePayload / 8) buffer_ = {};
  buffer_ += bytes;
}

Result<std::optional<Frame>> FrameDecoder::next() {
  const auto fail = [this](std::string why) {
    failed_ = broken(std::move(why));
    buffer_ = {};
    used_ = 0;
    return std::unexpected(*failed_);
  };
  if (failed_) return std::unexpected(*failed_);
  const std::string_view rest = std::string_view(buffer_).substr(used_);
  if (rest.empty()) return std::nullopt;
  // The type is known one byte in, the length five: no reason to wait for more.
  const unsigned number = byte_at(rest, 0);
  if (number >= kKinds.size()) return fail("type " + std::to_string(number) + " is not known");
  const auto type = static_cast<FrameType>(number);
  const Kind& kind = kind_of(type);
  if (!(from_ == FrameSide::client ? kind.client : kind.supervisor)) {
    return fail(std::string(kind.name) + " does not come from a " +
                (from_ == FrameSide::client ? "client" : "supervisor"));
  }
  if (rest.size() < kFrameHeader) return std::nullopt;
  const std::size_t length =
      std::size_t{byte_at(rest, 1)} << 24 | byte_at(rest, 2) << 16 | byte_at(rest, 3) << 8 | byte_at(rest, 4);
  if (length < kind.least || length > kind.most) {
    return fail(std::string(kind.name) + " of " + std::to_string(length) + " bytes; " + std::to_string(kind.least) +
                " to " + std::to_string(kind.most) + " are allowed");
  }
  if (rest.size() < kFrameHeader + length) return std::nullopt;
  used_ += kFrameHeader + length;
  return Frame{type, rest.substr(kFrameHeader, length)};
}

}  // namespace sup
