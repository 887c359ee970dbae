#include "face/control/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "face/say.h"
#include "spec/jsonmember.h"
#include "spec/jsonrpc.h"
#include "sys/runtime.h"
#include "sys/unixsocket.h"

namespace sup::control {
namespace {

// A supervisor speaks at once; one that does not is stuck or is none.
constexpr std::chrono::milliseconds kHello{10'000};

constexpr int kMeanwhile = 1000;  // ms
constexpr int kLook = 20;  // ms between looks at one that says nothing

Error asleep(const std::string& path, pid_t pid) {
  return Error{.code = "E_SUPERVISOR_STOPPED",
               .where = "supervisor",
               .what = path,
               .err = 0,
               .why = "its process " + std::to_string(pid) + " is stopped",
               .hint = "continue it: fg in its shell, or kill -CONT " + std::to_string(pid),
               .path = path,
               .stage = {}};
}

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
  if (!socket) {
    if (socket.error().err == ECONNREFUSED) abandoned_run(supervisor);
    return std::unexpected(socket.error());
  }
  int waited = 0;  // ms
  Client client(std::move(*socket));
  client.path_ = *path;
  // One that is stopped says nothing until it is continued; one that is busy may take a moment.
  pollfd said_something{.fd = client.fd(), .events = POLLIN, .revents = 0};
  while (::poll(&said_something, 1, kLook) == 0) {
    const auto stopped = stopped_peer(client.fd());
    if (stopped) return std::unexpected(asleep(*path, *stopped));
    if (waited += kLook; waited > kHello.count()) return lost(EAGAIN, "it does not answer");
  }
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
  auto request = send(method, params, pass);
  if (!request) return std::unexpected(request.error());
  return answer(*request);
}

Result<std::string> Client::send(std::string_view method, const nlohmann::json& params, const std::vector<int>& pass) {
  std::string id = std::to_string(++last_);
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
  return id;
}

Result<nlohmann::json> Client::answer(const std::string& request, const std::function<void()>& meanwhile) {
  pollfd word{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  for (;;) {
    if (auto mine = early_.extract(request); !mine.empty()) {
      if (mine.mapped().failed()) return std::unexpected(std::move(mine.mapped().error));
      return *mine.mapped().result;
    }
    while (meanwhile && !buffered() && ::poll(&word, 1, kMeanwhile) == 0) meanwhile();
    auto line = read_line();
    if (!line) return std::unexpected(line.error());
    auto said = parse_said(*line);
    if (!said) return std::unexpected(said.error().error());
    if (auto* answer = std::get_if<Answer>(&*said)) early_.insert_or_assign(answer->id, std::move(*answer));
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

Result<std::vector<Client>> reach(const std::string& only, bool quiet) {
  std::vector<Client> clients;
  if (!only.empty()) {
    auto client = Client::connect(only);
    if (!client) return std::unexpected(client.error());
    clients.push_back(std::move(*client));
    return clients;
  }
  for (const auto& name : supervisor_names()) {
    // A socket that nobody listens on is what a killed supervisor leaves.
    auto client = Client::connect(name);
    if (!client && client.error().code == "E_SUPERVISOR_STOPPED" && !quiet) say(client.error());
    if (client) clients.push_back(std::move(*client));
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
      after = number_in(row, "number", std::numeric_limits<std::uint64_t>::max());
      rows.push_back(std::move(row));
    }
  }
}

namespace {

// Which of them has the container; null: none. A name or a whole id counts before the beginning of one.
Result<Client*> holder_of(std::vector<Client>& clients, const std::string& reference) {
  if (clients.size() == 1) return &clients.front();
  struct Found {
    Client* client;
    std::string id;
  };
  std::vector<Found> exact, others;
  for (auto& client : clients) {
    auto about = client.call("container.inspect", {{"container", reference}});
    if (!about && about.error().code == "E_AMBIGUOUS") return std::unexpected(about.error());
    // One that has left since it was reached (a foreground run) has none any more.
    if (!about) continue;
    const auto id = text_in(*about, "id");
    (id == reference || text_in(*about, "name") == reference ? exact : others).push_back({&client, id});
  }
  const auto& best = exact.empty() ? others : exact;
  if (best.empty()) return nullptr;
  if (best.size() == 1) return best.front().client;
  return std::unexpected(Error{.code = "E_AMBIGUOUS",
                               .where = printable(reference),
                               .what = "more than one container is meant",
                               .err = 0,
                               .why = best[0].id + " under " + best[0].client->supervisor() + " and " + best[1].id +
                                      " under " + best[1].client->supervisor(),
                               .hint = "write the id",
                               .path = {},
                               .stage = {}});
}

}  // namespace

Result<void> check_name_free(const std::string& name) {
  auto clients = reach({}, true);
  if (!clients) return {};
  for (auto& client : *clients) {
    auto about = client.call("container.inspect", {{"container", name}});
    if (!about || text_in(*about, "name") != name) continue;
    return std::unexpected(Error{.code = "E_NAME_TAKEN",
                                 .where = "--name",
                                 .what = name,
                                 .err = EEXIST,
                                 .why = "container " + text_in(*about, "id") + " under " + client.supervisor() +
                                        " has it, which is " + text_in(*about, "state"),
                                 .hint = "remove that one (sup rm -f " + name + "), or choose another name",
                                 .path = {},
                                 .stage = {}});
  }
  return {};
}

Result<Client*> find_holder(std::vector<Client>& clients, const std::string& reference) {
  auto holder = clients.empty() ? nullptr : holder_of(clients, reference);
  if (!holder || *holder != nullptr) return holder;
  return std::unexpected(Error{.code = "E_NO_CONTAINER",
                               .where = printable(reference),
                               .what = "no such container",
                               .err = 0,
                               .why = clients.empty() ? "no supervisor runs" : "no id or name is like that",
                               .hint = "see sup ps -a",
                               .path = {},
                               .stage = {}});
}

Result<nlohmann::json> ask(std::vector<Client>& clients, std::string_view method, const nlohmann::json& params,
                           Client** answered, const std::vector<int>& pass) {
  auto holder = find_holder(clients, text_in(params, "container"));
  if (!holder) return std::unexpected(holder.error());
  if (answered != nullptr) *answered = *holder;
  return (*holder)->call(method, params, pass);
}

}  // namespace sup::control
