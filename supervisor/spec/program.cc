#include "spec/program.h"

#include <elf.h>

#include <algorithm>
#include <array>

namespace sup {
namespace {

constexpr std::size_t kHead = 256;             // BINPRM_BUF_SIZE
constexpr std::size_t kMaxHeaders = 64 << 10;  // the kernel's own bound on the program headers is a page on most
constexpr std::size_t kMaxLoader = 4096;       // PATH_MAX

bool blank(char c) { return c == ' ' || c == '\t'; }

Script read_script(std::string_view head) {
  Script script;
  const bool whole = head.size() < kHead;   // the kernel's buffer is then filled up with NUL
  std::string_view line = head.substr(2);
  const auto end = line.find('\n');
  const bool open = end == std::string_view::npos && !whole;
  line = line.substr(0, end);
  if (const auto nul = line.find('\0'); nul != std::string_view::npos) line = line.substr(0, nul);
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
  const auto stop = std::ranges::find_if(line, blank);
  script.cut = open && stop == line.end();   // a cut argument is passed on as it is, a cut name is refused
  script.interpreter = std::string(line.begin(), stop);
  script.crlf = script.interpreter.ends_with('\r');
  return script;
}

// An integer of the file's byte order.
std::uint64_t number(std::string_view bytes, std::size_t offset, std::size_t size, bool big) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const std::size_t at = offset + (big ? i : size - 1 - i);
    value = value << 8 | static_cast<unsigned char>(bytes[at]);
  }
  return value;
}

Elf read_elf(std::string_view head, const ReadAt& read) {
  Elf elf;
  elf.truncated = true;   // until every byte has been there
  if (head.size() < EI_NIDENT) return elf;
  elf.is_64 = head[EI_CLASS] == ELFCLASS64;
  elf.big_endian = head[EI_DATA] == ELFDATA2MSB;
  if (head.size() < (elf.is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr))) return elf;
  const auto field = [&](std::string_view bytes, std::size_t offset, std::size_t size) {
    return number(bytes, offset, size, elf.big_endian);
  };
  elf.type = static_cast<std::uint16_t>(field(head, 16, 2));
  elf.machine = static_cast<std::uint16_t>(field(head, 18, 2));
  const std::uint64_t phoff = elf.is_64 ? field(head, 32, 8) : field(head, 28, 4);
  const std::size_t phentsize = elf.is_64 ? field(head, 54, 2) : field(head, 42, 2);
  const std::size_t phnum = elf.is_64 ? field(head, 56, 2) : field(head, 44, 2);
  const std::size_t least = elf.is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
  if (phnum == 0) {
    elf.truncated = false;   // an object file; the type says so
    return elf;
  }
  if (phentsize < least || phentsize * phnum > kMaxHeaders) return elf;
  const std::string table = read(phoff, phentsize * phnum);
  if (table.size() < phentsize * phnum) return elf;
  for (std::size_t i = 0; i < phnum; ++i) {
    const std::string_view entry = std::string_view(table).substr(i * phentsize, phentsize);
    if (field(entry, 0, 4) != PT_INTERP) continue;
    const std::uint64_t offset = elf.is_64 ? field(entry, 8, 8) : field(entry, 4, 4);
    const std::uint64_t size = elf.is_64 ? field(entry, 32, 8) : field(entry, 16, 4);
    if (size < 2 || size > kMaxLoader) return elf;
    elf.loader = read(offset, static_cast<std::size_t>(size));
    if (elf.loader.size() < size) {
      elf.loader.clear();
      return elf;
    }
    elf.loader.resize(std::min(elf.loader.find('\0'), elf.loader.size()));
    break;
  }
  elf.truncated = false;
  return elf;
}

struct Machine {
  std::uint16_t number;
  std::string_view name;
};
// elf.h of older systems lacks some of these; the numbers are the registry's.
constexpr std::array<Machine, 20> kMachines{{{2, "SPARC"},     {3, "i386"},      {4, "m68k"},     {8, "MIPS"},
                                             {15, "PA-RISC"},  {18, "SPARC32+"}, {20, "PowerPC"}, {21, "PowerPC64"},
                                             {22, "s390"},     {40, "ARM"},      {41, "Alpha"},   {42, "SuperH"},
                                             {43, "SPARC64"},  {50, "IA-64"},    {62, "x86-64"},  {93, "ARC"},
                                             {183, "aarch64"}, {243, "RISC-V"},  {247, "BPF"},    {258, "LoongArch"}}};

#if defined(__x86_64__)
constexpr std::uint16_t kNative = EM_X86_64;
constexpr std::uint16_t kKin = EM_386;
#elif defined(__aarch64__)
constexpr std::uint16_t kNative = EM_AARCH64;
constexpr std::uint16_t kKin = EM_ARM;
#else
#error "name this machine's e_machine here"
#endif

}  // namespace

Program read_program(const ReadAt& read) {
  Program program;
  const std::string head = read(0, kHead);
  if (head.empty()) {
    program.kind = Program::Kind::empty;
  } else if (head.starts_with("#!")) {
    program.kind = Program::Kind::script;
    program.script = read_script(head);
  } else if (head.starts_with("\177ELF")) {
    program.kind = Program::Kind::elf;
    program.elf = read_elf(head, read);
  } else {
    program.text = std::ranges::none_of(head, [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return byte < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != '\x1b';
    });
  }
  return program;
}

std::string machine_name(const Elf& elf) {
  std::string name;
  for (const auto& [number, text] : kMachines) {
    if (number == elf.machine) name = text;
  }
  if (name.empty()) name = "machine " + std::to_string(elf.machine);
  if (elf.machine == EM_X86_64 && !elf.is_64) return "x32";
  if (elf.machine == 243 || elf.machine == 258 || elf.machine == EM_MIPS)
    name = (elf.is_64 ? "64-bit " : "32-bit ") + name;
  if (elf.machine == EM_ARM) name = "32-bit " + name;
  if (elf.machine == EM_PPC64 && !elf.big_endian) return "ppc64le";
  if (elf.big_endian && (elf.machine == EM_ARM || elf.machine == EM_AARCH64)) name += " (big-endian)";
  return name;
}

std::string native_machine() {
  Elf self;
  self.is_64 = true;
  self.machine = kNative;
  return machine_name(self);
}

Runs runs_here(const Elf& elf) {
  if (elf.big_endian) return Runs::no;
  if (elf.machine == kNative) return elf.is_64 ? Runs::yes : (kNative == EM_X86_64 ? Runs::kin : Runs::no);
  return elf.machine == kKin && !elf.is_64 ? Runs::kin : Runs::no;
}

std::string loader_hint(std::string_view loader) {
  const auto slash = loader.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? loader : loader.substr(slash + 1);
  struct Known {
    std::string_view prefix;
    std::string_view hint;
  };
  // Debian's names; what a person on another system needs is the word before the colon.
  static constexpr std::array<Known, 15> kKnown{{
      {"ld-musl-", "it is linked against musl: apt install musl, or link it statically"},
      {"ld-linux-x86-64", "it needs glibc for x86-64: apt install libc6"},
      {"ld-linux-x32", "it needs glibc for x32: apt install libc6-x32"},
      {"ld-linux-aarch64", "it needs glibc for aarch64: apt install libc6:arm64"},
      {"ld-linux-armhf", "it needs glibc for 32-bit ARM: apt install libc6:armhf"},
      {"ld-linux-riscv64", "it needs glibc for RISC-V: apt install libc6:riscv64"},
      {"ld-linux-loongarch", "it needs glibc for LoongArch"},
      {"ld-linux.so.2", "it needs glibc for i386: dpkg --add-architecture i386; apt update; apt install libc6:i386"},
      {"ld-linux.so.3", "it needs glibc for 32-bit ARM: apt install libc6:armel"},
      {"ld64.so", "it needs glibc for ppc64el or s390x: apt install libc6"},
      {"ld-uClibc", "it is linked against uClibc: link it statically"},
      {"ld-lsb", "it is linked against LSB: apt install lsb-base"},
      {"ld.so.1", "it needs glibc of a machine that this is not"},
      {"linker64", "it was built for Android"},
      {"linker", "it was built for Android"},
  }};
  if (loader.starts_with("/nix/store/"))
    return "it was built by Nix: its store is not here; patchelf --set-interpreter changes it";
  if (loader.starts_with("/gnu/store/"))
    return "it was built by Guix: its store is not here; patchelf --set-interpreter changes it";
  for (const auto& known : kKnown) {
    if (name.starts_with(known.prefix)) return std::string(known.hint);
  }
  return {};
}

}  // namespace sup
