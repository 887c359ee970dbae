// logs: read beside the supervisor that writes them, so that a slow reader costs it nothing.
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "core/logreader.h"
#include "core/supervisor.h"
#include "face/cli/since.h"
#include "face/cli/verb.h"
#include "face/control/client.h"
#include "face/print.h"
#include "face/say.h"
#include "spec/jsonmember.h"

namespace sup::cli {
namespace {

using Json = nlohmann::json;

class LogsVerb : public Verb {
 public:
  std::vector<Option> options() override {
    std::vector<Option> o;
    o.push_back({'f', "follow", "", "go on until the container is removed or has ended for good", "", to(follow_)});
    o.push_back({'t', "timestamps", "", "begin each line with its time", "", to(timestamps_)});
    o.push_back({0, "since", "TIME", "only what came since a time, or in the last 10m", "",
                 [this](std::string_view v) -> Result<void> {
                   auto since = parse_since(v);
                   if (!since) return std::unexpected(since.error());
                   query_.since = *since;
                   return {};
                 }});
    o.push_back({'n', "tail", "N", "only the last N lines, or all", "all", [this](std::string_view v) -> Result<void> {
                   query_.tail = parse_unsigned<std::uint64_t>(v);
                   if (!query_.tail && v != "all")
                     return usage("--tail " + printable(v), "not a number of lines", "a number, or all");
                   return {};
                 }});
    return o;
  }

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    if (operands.size() != 1)
      return usage("logs", operands.empty() ? "no container named" : "one container at a time",
                   "sup logs CONTAINER; see sup ps");
    auto clients = control::reach(globals.supervisor);
    if (!clients) return std::unexpected(clients.error());
    reference_ = operands.front();
    auto about = control::ask(*clients, "container.logs", {{"container", reference_}});
    if (!about) return std::unexpected(about.error());
    reference_ = text_in(*about, "id", reference_);  // a name may be somebody else's later
    missing_ = number_in(*about, "missing", std::uint64_t{0});
    const std::string path = text_in(*about, "directory");
    const Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
      return std::unexpected(
          Error{.code = "E_LOG", .where = "logs", .what = path, .err = errno, .path = path, .stage = {}});
    // Watched before the first look: nothing can come in between unseen.
    const Fd changes(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (follow_ && (!changes || ::inotify_add_watch(changes.get(), path.c_str(),
                                                    IN_MODIFY | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF) < 0)) {
      return std::unexpected(Error{
          .code = "E_LOG", .where = "logs", .what = "cannot watch " + path, .err = errno, .path = path, .stage = {}});
    }
    auto reader = LogReader::open(directory.get(), kLogName, query_);
    if (!reader) return std::unexpected(reader.error());
    for (;;) {
      // Asked before the last look: what came before the end is in the files by then.
      const bool over = !follow_ || ended(*clients);
      if (auto r = show(*reader); !r) return r;
      if (const auto missing = std::exchange(missing_, 0); missing != 0) tell_missing(missing);
      if (over || reader_left_) return 0;
      wait_for_change(changes.get());
    }
  }

 private:
  static void tell_missing(std::uint64_t bytes) {
    say("logs: " + std::to_string(bytes) + " bytes are missing here: they could not be written");
  }

  // It is gone, or rests in a state that it does not leave by itself.
  bool ended(std::vector<control::Client>& clients) const {
    auto now = control::ask(clients, "container.inspect", {{"container", reference_}});
    return !now || text_in(*now, "state") == "exited";
  }

  Result<int> show(LogReader& reader) {
    LogRecord record;
    for (;;) {
      auto more = reader.next(record);
      if (!more) return std::unexpected(more.error());
      if (!*more) return flush();
      if (record.dropped_bytes != 0) {
        if (auto r = flush(); !r) return r;
        tell_missing(record.dropped_bytes);
        continue;
      }
      std::string& to = record.stream == OutputStream::err ? err_ : out_;
      bool& inside = inside_[static_cast<std::size_t>(record.stream)];
      if (timestamps_ && !inside) to += record.time + " ";
      // A terminal is not the container's to steer. Who wants it raw asks for it: sup logs … | cat.
      to += on_terminal_[static_cast<std::size_t>(record.stream)] ? printable_line(record.text) : record.text;
      inside = record.partial;
      if (!record.partial) to += '\n';
      if (out_.size() + err_.size() > kPiece) {
        if (auto r = flush(); !r || reader_left_) return r;
      }
    }
  }

  // The command's standard error comes out of ours.
  Result<int> flush() {
    std::string out = std::exchange(out_, {});
    std::string_view err = err_;
    auto r = print(out);
    while (r && !err.empty()) {
      const ssize_t n = ::write(2, err.data(), err.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      err.remove_prefix(static_cast<std::size_t>(n));
    }
    err_.clear();
    return r;
  }

  void wait_for_change(int changes) {
    pollfd p[2] = {{.fd = changes, .events = POLLIN, .revents = 0}, {.fd = 1, .events = 0, .revents = 0}};
    // The end of a container changes no file: look for that now and then.
    ::poll(p, 2, 500);
    if ((p[1].revents & POLLERR) != 0) reader_left_ = true;  // `sup logs -f x | head`
    alignas(inotify_event) char events[4096];
    while (::read(changes, events, sizeof events) > 0) {
    }
  }

  static constexpr std::size_t kPiece = 64 * 1024;
  bool follow_ = false;
  bool timestamps_ = false;
  bool reader_left_ = false;
  LogQuery query_;
  std::string reference_;
  std::uint64_t missing_ = 0;  // bytes at the end that the log itself does not tell of
  std::string out_, err_;
  bool inside_[kOutputStreams] = {};
  const bool on_terminal_[kOutputStreams] = {::isatty(1) != 0, ::isatty(2) != 0};
};

}  // namespace

std::unique_ptr<Verb> make_logs() { return std::make_unique<LogsVerb>(); }

}  // namespace sup::cli
