// OutputStream: where a container's output came from.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sup {

enum class OutputStream : std::uint8_t { out, err, tty };   // tty: both, as the terminal mixed them
inline constexpr std::size_t kOutputStreams = 3;

[[nodiscard]] constexpr std::string_view to_string(OutputStream stream) {
  switch (stream) {
    case OutputStream::out: return "stdout";
    case OutputStream::err: return "stderr";
    case OutputStream::tty: return "tty";
  }
  return "stdout";
}

}  // namespace sup
