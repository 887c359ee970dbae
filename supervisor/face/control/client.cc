#include "face/control/client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "spec/jsonrpc.h"
#include "sys/runtime.h"
#include "sys/unixsocket.h"

namespace sup::control {
namespace {

// A supervisor speaks at once; one that does not is stuck or is none.
constexpr std::chrono::milliseconds kHello{10'000};

std::unexpected<Error> lost(int err, std::string why) {
  return std::unexpected(Error{.code = "E_SUPERVISOR_LOST",
                               .where = "supervisor",
                               .what = "no answer",
                               .err = err,
                               .why = std::move(why),
                               .hint = "see whether it runs: sup ps",
                               .path = {},
                               .stage = {}});
}

}  // namespace

Result<Client> Client::connect(std::string_view supervisor) {
  const auto path = socket_path(supervisor);
  if (!path) return std::unexpected(path.error());
  auto socket = connect_to(*path);
  if (!socket) return std::unexpected(socket.error());
  Client client(std::move(*socket));
  client.path_ = *path;
  client.set_patience(kHello);
  auto line = client.read_line();
  if (!line) return std::unexpected(line.error());
  client.set_patience({});
  const auto said = parse_said(*line);
  const auto* hello = said ? std::get_if<Notification>(&*said) : nullptr;
  if (hello == nullptr || hello->method != "hello") return lost(0, "what listens on " + *path + " is no supervisor");
  client.supervisor_ = hello->params.get_string("supervisor").value_or(std::string(supervisor));
  return client;
}

void Client::set_patience(std::chrono::milliseconds patience) const {
  const timeval time{.tv_sec = patience.count() / 1000, .tv_usec = patience.count() % 1000 * 1000};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

Result<std::string> Client::read_line() {
  for (;;) {
    if (const auto end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    if (buffer_.size() > kMaxMessage) return lost(EMSGSIZE, "its answer is too long");
    char piece[16384];
    const ssize_t n = ::recv(socket_.get(), piece, sizeof piece, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return lost(errno, errno == EAGAIN ? "it does not answer" : "");
    if (n == 0) return lost(0, "it closed the connection");
    buffer_.append(piece, static_cast<std::size_t>(n));
  }
}

namespace {

// send(2) of the bytes with the descriptors beside them.
ssize_t send_with(int socket, std::string_view bytes, const std::vector<int>& pass) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxPassed)]{};
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!pass.empty() && pass.size() <= kMaxPassed) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * pass.size());
    cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * pass.size());
    std::memcpy(CMSG_DATA(rights), pass.data(), sizeof(int) * pass.size());
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL);
}

}  // namespace

Result<nlohmann::json> Client::call(std::string_view method, const nlohmann::json& params,
                                    const std::vector<int>& pass) {
  const std::string id = std::to_string(++last_);
  const std::string line = request_line(id, method, params) + "\n";
  if (line.size() > kMaxMessage) {
    return std::unexpected(Error{.code = "E_RPC_TOO_LARGE",
                                 .where = "supervisor",
                                 .what = "the request is too long",
                                 .err = 0,
                                 .why = "a message has at most 1 MiB",
                                 .hint = "give fewer or shorter arguments and variables (--clear-env)",
                                 .path = {},
                                 .stage = {}});
  }
  std::string_view rest = line;
  while (!rest.empty()) {
    // They go with the last byte: a request's end is what they belong to.
    const bool last = rest.size() == 1 || pass.empty();
    const ssize_t n =
        send_with(socket_.get(), last ? rest : rest.substr(0, rest.size() - 1), last ? pass : std::vector<int>{});
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return lost(errno, {});
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  for (;;) {
    auto answer = read_line();
    if (!answer) return std::unexpected(answer.error());
    auto said = parse_said(*answer);
    if (!said) return std::unexpected(said.error().error());
    const auto* mine = std::get_if<Answer>(&*said);
    if (mine == nullptr || mine->id != id) continue;
    if (mine->failed()) return std::unexpected(mine->error);
    return *mine->result;
  }
}

Result<Notification> Client::next() {
  for (;;) {
    auto line = read_line();
    if (!line) return std::unexpected(line.error());
    auto said = parse_said(*line);
    if (!said) return std::unexpected(said.error().error());
    if (auto* news = std::get_if<Notification>(&*said)) return std::move(*news);
  }
}

Result<std::vector<Client>> reach(const std::string& only) {
  std::vector<Client> clients;
  if (!only.empty()) {
    auto client = Client::connect(only);
    if (!client) return std::unexpected(client.error());
    clients.push_back(std::move(*client));
    return clients;
  }
  for (const auto& name : supervisor_names()) {
    // A socket that nobody listens on is what a killed supervisor leaves.
    if (auto client = Client::connect(name)) clients.push_back(std::move(*client));
  }
  return clients;
}

Result<std::vector<nlohmann::json>> list(Client& client, bool all) {
  std::vector<nlohmann::json> rows;
  for (std::uint64_t after = 0;;) {
    auto page = client.call("container.list", {{"all", all}, {"after", after}});
    if (!page) return std::unexpected(page.error());
    if (!page->is_array() || page->empty()) return rows;
    for (auto& row : *page) {
      after = row.value("number", std::numeric_limits<std::uint64_t>::max());
      rows.push_back(std::move(row));
    }
  }
}

Result<nlohmann::json> ask(std::vector<Client>& clients, std::string_view method, const nlohmann::json& params,
                           Client** answered, const std::vector<int>& pass) {
  for (auto& client : clients) {
    auto answer = client.call(method, params, pass);
    if (!answer && answer.error().code == "E_NO_CONTAINER") continue;
    if (answered != nullptr) *answered = &client;
    return answer;
  }
  return std::unexpected(Error{.code = "E_NO_CONTAINER",
                               .where = printable(params.value("container", "")),
                               .what = "no such container",
                               .err = 0,
                               .why = clients.empty() ? "no supervisor runs" : "no id or name is like that",
                               .hint = "see sup ps -a",
                               .path = {},
                               .stage = {}});
}

}  // namespace sup::control
