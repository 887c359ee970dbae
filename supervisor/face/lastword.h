// LastWord: --status-fd: how it ended, for a program: one JSON line.
#pragma once
#include <string>
#include <string_view>

#include "base/error.h"
#include "core/container.h"
#include "spec/spec.h"

namespace sup {

// How it ended, for a program: one JSON object without a line end.
// {"id":…,"name":…,"exit_code":N | "signal":"SIGKILL","core":false,"status":N,"origin":"command"|"sup","reason":…,"code":…}
// `status` is what sup exits with. A SIGKILLed sup says nothing: no line means nobody knows.
[[nodiscard]] std::string last_word(const std::string& id, const std::string& name, const Outcome& outcome, int status);

class LastWord {
 public:
  // Whether the descriptor is there and writable. To be asked before anything of ours is open: later its number may be one of
  // ours. spec.status_fd < 0: none wanted.
  [[nodiscard]] static Result<void> check(const Spec& spec);
  // The same, and it is the one from here on.
  [[nodiscard]] Result<void> open(const Spec& spec);
  void say(std::string_view object) const;  // a last_word() from elsewhere
  void say(const std::string& id, const std::string& name, const Outcome& outcome, int status) const;

 private:
  int fd_ = -1;
};

}  // namespace sup
