// Program: what the kernel would make of an executable file, told from its first bytes as
// fs/binfmt_script.c and fs/binfmt_elf.c tell it. Pure.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sup {

// Reads `size` bytes at `offset` of the file; fewer at its end, none behind it.
using ReadAt = std::function<std::string(std::uint64_t offset, std::size_t size)>;

struct Script {
  std::string interpreter;      // as the kernel cuts it: up to the first blank; empty: none is named
  bool cut = false;             // the first line is too long for the kernel, which reads 256 bytes
  bool crlf = false;            // the name ends in CR: the line ends as in DOS
};

struct Elf {
  bool is_64 = false;
  bool big_endian = false;
  std::uint16_t type = 0;       // e_type: 2 executable, 3 shared or PIE, …
  std::uint16_t machine = 0;    // e_machine
  bool truncated = false;       // headers or what they point at lie outside the file
  std::string loader;           // PT_INTERP; empty: static
};

struct Program {
  enum class Kind { empty, script, elf, other } kind = Kind::other;
  Script script;
  Elf elf;
  bool text = false;            // other: the first bytes look like text, so a script without "#!"
};

// Reads no more than the headers: some KiB at most, whatever they claim.
[[nodiscard]] Program read_program(const ReadAt& read);

// "aarch64", "x86-64", "32-bit ARM (big-endian)", …
[[nodiscard]] std::string machine_name(const Elf& elf);
// What uname(2) calls the machine this was built for: "x86-64", "aarch64".
[[nodiscard]] std::string native_machine();
// Whether a kernel for this machine can run it: natively, or as its 32-bit kin when it was built with that.
enum class Runs { yes, kin, no };
[[nodiscard]] Runs runs_here(const Elf& elf);

// What to install for a missing loader, in words: "it is linked against musl: apt install musl".
// Empty when nothing is known about it.
[[nodiscard]] std::string loader_hint(std::string_view loader);

}  // namespace sup
