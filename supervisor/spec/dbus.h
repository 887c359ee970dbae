// D-Bus, as much as it takes to ask systemd for one thing (D-Bus specification, "Message Protocol"; little-endian both ways).
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sup {

// The first word on a bus; a direct connection to systemd has no need of it.
[[nodiscard]] std::string dbus_hello(std::uint32_t serial);
// org.freedesktop.systemd1.Manager.StartTransientUnit: a scope of this name for this process, delegated, and gone with its last
// process.
[[nodiscard]] std::string dbus_start_scope(std::uint32_t serial, std::string_view name, pid_t pid);

inline constexpr std::size_t kDbusFixed = 16;  // bytes by which dbus_size() knows
// How many bytes the message has that begins so; nullopt: it is none, or longer than anybody answers with (1 MiB).
[[nodiscard]] std::optional<std::size_t> dbus_size(std::string_view begin);

struct DbusMessage {
  enum class Kind : std::uint8_t { other, answer, error } kind = Kind::other;
  std::uint32_t answers = 0;  // the serial; 0: none
  std::string error;  // its name
  std::string text;  // what it says, if that is text
};
// A whole one. nullopt: malformed.
[[nodiscard]] std::optional<DbusMessage> dbus_read(std::string_view message);

}  // namespace sup
