// Ahead: which command lines begin as most do, and what init does for those before anybody has read them to the end. Pure.
//
// `sup run /bin/sh` spends as much time on being loaded and understood as the kernel on making namespaces. So init is started
// in sup's very first instructions (sys/ahead.h), parked (spec/parked.h) with the plan below, and what was asked for follows
// when it is known. A guess that turns out wrong costs some processor time, and is never seen.
//
// What is used by those first instructions is constant and without pointers: nothing has been relocated then.
#pragma once
#include <linux/sched.h>
#include <linux/mount.h>
#include <stddef.h>
#include <stdint.h>

#include "init/plan.h"

namespace sup {

struct Plan;

namespace ahead {

// An option that changes nothing of what is done ahead.
struct Known {
  char name[16];  // as it is written, "--env" or "-e"
  bool value;  // the next word is its value, unless it stands behind a `=`
};
inline constexpr Known kGlobals[] = {{"-q", false}, {"--quiet", false}, {"--events", true}, {"--log-level", true}};
inline constexpr Known kOptions[] = {
    {"-t", false},
    {"--tty", false},
    {"-i", false},
    {"--interactive", false},
    {"-e", true},
    {"--env", true},
    {"-w", true},
    {"--workdir", true},
    {"-h", true},
    {"--hostname", true},
    {"-u", true},
    {"--user", true},
    {"-l", true},
    {"--label", true},
    {"--name", true},
    {"--init", false},
    {"--rm", false},
    {"--timeout", true},
    {"--stop-signal", true},
    {"--sig-proxy", false},
    {"--clear-env", false},
    {"--stop-timeout", true},
    {"--detach-keys", true},
};
// The letters that may stand together: -ti.
inline constexpr char kTogether[] = "it";

// Whether two words are the same; the first may end in `=…` where it is a long option.
constexpr bool same(const char* word, const char* name) {
  const bool is_long = word[0] == '-' && word[1] == '-';
  while (*name != 0 && *word == *name) ++word, ++name;
  return *name == 0 && (*word == 0 || (is_long && *word == '='));
}

// What stands behind the `=`; null: there is none.
constexpr const char* value_in(const char* word) {
  while (*word != 0 && *word != '=') ++word;
  return *word == '=' ? word + 1 : nullptr;
}

// A descriptor of the caller's by its number, fd:N. Where it is not open, that number would be one of those that are opened
// here, and nobody could tell any more.
constexpr bool names_descriptor(const char* value) { return value[0] == 'f' && value[1] == 'd' && value[2] == ':'; }

// What the variable is set to; null: this is another one.
constexpr const char* value_of(const char* entry, const char* name) {
  while (*name != 0 && *entry == *name) ++entry, ++name;
  return *name == 0 && *entry == '=' ? entry + 1 : nullptr;
}

template <size_t N>
constexpr const Known* find(const Known (&table)[N], const char* word) {
  for (const Known& known : table) {
    if (same(word, known.name)) return &known;
  }
  return nullptr;
}

constexpr bool together(const char* word) {
  if (word[0] != '-' || word[1] == 0) return false;
  for (++word; *word != 0; ++word) {
    const char* letter = kTogether;
    while (*letter != 0 && *letter != *word) ++letter;
    if (*letter == 0) return false;
  }
  return true;
}

// Whether this is a foreground run whose container begins with kPlan, as far as can be told so early. argv and environ as
// main() has them, each ended by a null pointer.
constexpr bool wanted(const char* const* argv, const char* const* environ) {
  if (*argv == nullptr) return false;
  // Reads what stands before the first operand. Null: something that is not known.
  const auto behind_options = [](const char* const* word, const auto& table) -> const char* const* {
    while (*word != nullptr && (*word)[0] == '-') {
      if (same(*word, "--") && (*word)[2] == 0) return word + 1;
      const Known* const known = find(table, *word);
      if (known == nullptr && !together(*word)) return nullptr;
      if (known != nullptr && known->value) {
        const char* value = value_in(*word);
        if (value == nullptr && (value = *++word) == nullptr) return nullptr;
        if (names_descriptor(value)) return nullptr;
      }
      ++word;
    }
    return word;
  };
  const char* const* word = behind_options(argv + 1, kGlobals);
  if (word == nullptr || *word == nullptr || !same(*word, "run")) return false;
  word = behind_options(word + 1, kOptions);
  if (word == nullptr || *word == nullptr) return false;
  for (; *environ != nullptr; ++environ) {
    if (value_of(*environ, "SUP_SUPERVISOR") != nullptr) return false;  // under another supervisor
    const char* const events = value_of(*environ, "SUP_EVENTS");
    if (events != nullptr && names_descriptor(events)) return false;
  }
  return true;
}

// The numbers that init is started with (init/plan.h).
inline constexpr int kBoot = 3;
inline constexpr uint64_t kCloneFlags = CLONE_NEWNS | CLONE_NEWPID;

// As it goes to init: the beginning of root's plan where nothing was asked for that changes it, and the wait. The tests hold it
// against what is compiled.
struct Wire {
  wire::Header header;
  wire::Step steps[11];
  char none[5], root[2], proc[5], slash_proc[6], lo[3];
  char end;
};

constexpr Wire make_wire() {
  using wire::Op;
  Wire out{};
  out.header = {wire::kMagic, wire::kVersion, 11, sizeof(Wire), 0};
  constexpr auto put = [](auto& place, const char* text) {
    for (size_t i = 0; text[i] != 0; ++i) place[i] = text[i];
  };
  put(out.none, "none");
  put(out.root, "/");
  put(out.proc, "proc");
  put(out.slash_proc, "/proc");
  put(out.lo, "lo");
  constexpr uint32_t none = offsetof(Wire, none);
  constexpr uint32_t root = offsetof(Wire, root);
  constexpr uint32_t proc = offsetof(Wire, proc);
  constexpr uint32_t slash_proc = offsetof(Wire, slash_proc);
  constexpr uint32_t lo = offsetof(Wire, lo);
  constexpr uint64_t kill = 9;
  constexpr uint64_t recursive_slave = 0x4000 | 0x80000;  // MS_REC | MS_SLAVE
  constexpr uint64_t tame = 2 | 4 | 8;  // MS_NOSUID | MS_NODEV | MS_NOEXEC
  auto step = [&out, i = 0](Op op, uint64_t n, uint32_t a, uint32_t b, uint32_t c) mutable {
    wire::Step& at = out.steps[i++];
    at.op = static_cast<uint16_t>(op);
    at.n[0] = n;
    at.s[0] = a, at.s[1] = b, at.s[2] = c;
  };
  step(Op::pdeathsig, kill, 0, 0, 0);
  step(Op::signals_default, 0, 0, 0, 0);
  step(Op::unshare, CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET, 0, 0, 0);
  step(Op::mount, recursive_slave, none, root, 0);
  step(Op::umount_stack, 0, slash_proc, 0, 0);
  step(Op::mount, tame, proc, slash_proc, proc);
  step(Op::only_proc, 0, 0, 0, 0);
  step(Op::link_up, 0, lo, 0, 0);
  step(Op::setsid, 0, 0, 0, 0);
  step(Op::keyring, 0, 0, 0, 0);
  step(Op::wait, static_cast<uint64_t>(wire::WaitFor::park), 0, 0, 0);
  return out;
}
inline constexpr Wire kPlan = make_wire();
static_assert(offsetof(Wire, end) == sizeof(Wire) - 1 || sizeof(Wire) % 8 == 0);

// The same as the supervisor thinks of it, for fits() (spec/parked.h).
[[nodiscard]] Plan plan();

}  // namespace ahead
}  // namespace sup
