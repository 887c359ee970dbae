// DaemonProcess: a supervisor of the case's own, and the verbs that speak with it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "harness.h"

namespace sup::test {

// Serves when the constructor is done; the destructor ends it and checks that it leaves nothing behind.
class DaemonProcess : public Process {
 public:
  explicit DaemonProcess(std::vector<std::string> options = {}, std::string name = "t");
  ~DaemonProcess() override;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string socket() const;

  // sup -S NAME ARGS…; without any events of its own.
  [[nodiscard]] Result sup(std::vector<std::string> args) const;
  // run -d ARGS…: the id. A failed check and "" when there is none.
  [[nodiscard]] std::string detached(std::vector<std::string> args) const;
  // run -d of a shell that makes a file when it has done `prepare` (a trap), and then stays for ever. Waits for the file.
  [[nodiscard]] std::string shell(const std::string& prepare, std::vector<std::string> options = {});
  // The process of a running container, as the host sees it.
  [[nodiscard]] pid_t pid_of(const std::string& container) const;
  [[nodiscard]] std::vector<std::string> ids() const;  // ps -a

  // TERM; the status it ends with.
  int end(milliseconds deadline = 20s);
  // KILL: its socket stays behind.
  void murder();

 private:
  std::string name_;
  int shells_ = 0;
};

// A client that speaks bytes. Only for cases in which the tests and the supervisor are the same user.
class RawClient {
 public:
  explicit RawClient(const std::string& path);
  [[nodiscard]] bool connected() const { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // False when the other end has gone.
  bool send(std::string_view bytes);
  // The next line without its end; "" when there is none in time or at the end of the stream.
  std::string line(milliseconds deadline = 5s);
  // Is the connection ended by the other side? What comes before is thrown away.
  bool ends(milliseconds deadline = 5s);
  // A request's answer.
  std::string ask(std::string_view method, std::string_view params = "{}");
  void close() { fd_.reset(); }

 private:
  bool more(milliseconds deadline);
  Fd fd_;
  std::string got_;
  bool over_ = false;
  int last_ = 0;
};

[[nodiscard]] std::size_t fds_of(pid_t pid);

// Is it twelve hexadecimal digits, as ids are?
[[nodiscard]] bool is_id(const std::string& text);

// sup ARGS… in the runtime directory of the case, with whichever supervisor there is.
[[nodiscard]] Start plain();

}  // namespace sup::test
