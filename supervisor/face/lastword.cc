#include "face/lastword.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "spec/signals.h"

namespace sup {

Result<void> LastWord::check(const Spec& spec) {
  if (spec.status_fd < 0) return {};
  const int flags = ::fcntl(spec.status_fd, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) {
    return std::unexpected(Error{.code = "E_USAGE",
                                 .where = "--status-fd",
                                 .what = std::to_string(spec.status_fd),
                                 .err = EBADF,
                                 .why = "not open for writing",
                                 .hint = "open it in the shell: 3>status --status-fd 3"});
  }
  return {};
}

Result<void> LastWord::open(const Spec& spec) {
  if (auto r = check(spec); !r) return r;
  fd_ = spec.status_fd;
  return {};
}

std::string last_word(const std::string& id, const std::string& name, const Outcome& outcome, int status) {
  nlohmann::ordered_json j;
  j["id"] = id;
  if (!name.empty()) j["name"] = name;
  if (outcome.ran && outcome.status.signal != 0) {
    j["signal"] = signal_name(outcome.status.signal);
    j["core"] = outcome.status.core;
  } else {
    j["exit_code"] = outcome.ran ? outcome.status.code : status;
  }
  j["status"] = status;
  j["origin"] = outcome.ran ? "command" : "sup";
  j["reason"] = to_string(outcome.reason);
  if (outcome.error) j["code"] = outcome.error->code;
  return j.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

void LastWord::say(const std::string& id, const std::string& name, const Outcome& outcome, int status) const {
  if (fd_ >= 0) say(last_word(id, name, outcome, status));
}

void LastWord::say(std::string_view object) const {
  if (fd_ < 0) return;
  const std::string line = std::string(object) + "\n";
  // The reader's trouble is the reader's: the exit status says the same.
  while (::write(fd_, line.data(), line.size()) < 0 && (errno == EINTR || errno == EAGAIN)) {
    // A full pipe has a reader who is slow, not gone.
    pollfd p{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (errno == EAGAIN && ::poll(&p, 1, -1) > 0 && (p.revents & POLLOUT) == 0) return;
  }
}

}  // namespace sup
