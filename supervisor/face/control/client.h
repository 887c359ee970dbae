// Client: a verb's side of the control socket; it asks and waits.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "spec/jsonrpc.h"

namespace sup::control {

class Client {
 public:
  // supervisor: a name or a path (socket_path()). Reads the server's hello. E_NO_SUPERVISOR when nobody listens.
  static Result<Client> connect(std::string_view supervisor);

  // Asks and waits for the answer, as long as it takes. The supervisor's own errors come back as they were there.
  // pass: descriptors that go along with the request (SCM_RIGHTS); they stay the caller's.
  [[nodiscard]] Result<nlohmann::json> call(std::string_view method, const nlohmann::json& params,
                                            const std::vector<int>& pass = {});

  // The two halves of call(): several may be on their way, and be answered in another order.
  [[nodiscard]] Result<std::string> send(std::string_view method, const nlohmann::json& params,
                                         const std::vector<int>& pass = {});
  // meanwhile: called each time that a second has passed without a word.
  [[nodiscard]] Result<nlohmann::json> answer(const std::string& request, const std::function<void()>& meanwhile = {});
  // Answers that have come and that nobody has asked for yet.
  [[nodiscard]] std::size_t answers_waiting() const { return early_.size(); }

  [[nodiscard]] const std::string& supervisor() const { return supervisor_; }
  // Another connection to the same supervisor.
  [[nodiscard]] Result<Client> again() const { return connect(path_); }

  // What the supervisor says by itself, after events.subscribe; waits for it. E_SUPERVISOR_LOST when it has left.
  [[nodiscard]] Result<Notification> next();
  // next() would not wait.
  [[nodiscard]] bool buffered() const { return buffer_.find('\n') != std::string::npos; }
  // To poll(2) for more; borrowed.
  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }   // of its socket
  // An answer that takes longer is an error (E_SUPERVISOR_LOST). Zero: as long as it takes.
  void set_patience(std::chrono::milliseconds patience) const;

  // After an upgrade: the connection itself, and what came behind the answer. The client can ask no more.
  struct Upgraded {
    Fd socket;
    std::string begun;
  };
  [[nodiscard]] Upgraded upgraded() { return {std::move(socket_), std::move(buffer_)}; }

 private:
  explicit Client(Fd socket) : socket_(std::move(socket)) {}
  [[nodiscard]] Result<std::string> read_line();

  Fd socket_;
  std::string path_;
  std::string supervisor_;
  std::string buffer_;
  std::uint64_t last_ = 0;
  std::map<std::string, Answer> early_;  // that came while another one was waited for
};

// Every supervisor of this user's that answers; with a name (-S) that one alone, and then its absence is an error. Those
// that are stopped are named in a line on standard error, unless quiet (for who looks again and again).
[[nodiscard]] Result<std::vector<Client>> reach(const std::string& only, bool quiet = false);

// All rows of container.list, however many messages they take. all: also those that do not run.
[[nodiscard]] Result<std::vector<nlohmann::json>> list(Client& client, bool all);

// E_NAME_TAKEN when a container of that name is there, under whichever supervisor.
[[nodiscard]] Result<void> check_name_free(const std::string& name);

// Which supervisor has the container. E_NO_CONTAINER when none has; E_AMBIGUOUS when two have one of that name, or ids that begin
// so. With one supervisor only it is asked nothing: whether it has it, its answer to the request will tell.
[[nodiscard]] Result<Client*> find_holder(std::vector<Client>& clients, const std::string& reference);

// Asks whichever supervisor has the container that params name. answered: which of them it was.
[[nodiscard]] Result<nlohmann::json> ask(std::vector<Client>& clients, std::string_view method,
                                         const nlohmann::json& params, Client** answered = nullptr,
                                         const std::vector<int>& pass = {});

}  // namespace sup::control
