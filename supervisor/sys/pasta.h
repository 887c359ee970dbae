// pasta(1): a process that is a network namespace's way out.
#pragma once
#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "spec/publish.h"

namespace sup {

// Where it is, by $PATH; empty: nowhere.
[[nodiscard]] std::string find_pasta();

struct PastaProcess {
  pid_t pid = -1;  // the caller's child: to be ended and reaped; it dies with the caller
  Fd pidfd;
  Fd ready;  // a pipe: something comes when the network is up, the end without anything when it cannot be; CLOEXEC
  Fd said;   // a memfd with what it has to say of it
};

// For the network namespace in which process `init` is at this moment, which must be a child of the caller's. Each port has just
// been seen to be free, since pasta says nothing of one that is not. It has the namespace from the start on: should `init` die
// meanwhile, no other process is met. Error: E_NETWORK, E_PORT.
[[nodiscard]] Result<PastaProcess> start_pasta(pid_t init, const std::vector<Publish>& ports);

// The line of `said` that is about the failure; empty: none. And from now on nothing more is taken in (it would write on for as
// long as it lives).
[[nodiscard]] std::string last_words(int said);
void seal(int said);
// What to do about such a line; empty: nothing is known.
[[nodiscard]] std::string network_hint(const std::string& words);

}  // namespace sup
