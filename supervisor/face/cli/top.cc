// top: the processes of containers, live on a terminal, once as a table elsewhere.
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "base/text.h"
#include "face/cli/running.h"
#include "face/looks.h"
#include "face/print.h"
#include "face/terminal.h"
#include "sys/sample.h"

namespace sup::cli {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view kKeys = "q quit  c cpu  m memory  f fds  p pid  r reverse  1-9 seconds";

struct ProcessRow {
  std::string container;
  ProcessSample process;
  double cpu_percent = 0;
};

class TopVerb : public Verb {
 public:
  std::vector<Option> options() override {
    std::vector<Option> o;
    o.push_back(format_option(json_));
    return o;
  }

  Result<int> run(const Globals& globals, std::vector<std::string> operands) override {
    only_ = globals.supervisor;
    wanted_ = std::move(operands);
    auto clients = control::reach(only_);
    if (!clients) return std::unexpected(clients.error());
    clients_ = std::move(*clients);
    if (!json_ && ::isatty(0) == 1 && can_write_over(1)) return live();
    look();
    auto r = print(json_ ? json() : sup::table(cells(), columns(1)));
    if (!r) return r;
    return missing_ ? 125 : 0;
  }

 private:
  void look() {
    std::map<pid_t, Last> now;
    rows_.clear();
    for (const auto& one : running(clients_, wanted_, missing_)) {
      for (auto& process : sample_processes(one.pid, one.id)) {
        const auto at = boot_us();
        Last before{process.started_us, 0, process.started_us};
        // The same process only if it began when that one did: numbers are used again.
        if (const auto found = last_.find(process.pid);
            found != last_.end() && found->second.started_us == process.started_us)
          before = found->second;
        const auto interval = std::max<std::uint64_t>(at > before.at_us ? at - before.at_us : 0, 1);
        const double used = process.cpu_us > before.cpu_us ? static_cast<double>(process.cpu_us - before.cpu_us) : 0.0;
        now[process.pid] = {at, process.cpu_us, process.started_us};
        rows_.push_back(
            {one.name.empty() ? one.id : one.name, std::move(process), 100.0 * used / static_cast<double>(interval)});
      }
    }
    last_ = std::move(now);
    std::ranges::sort(rows_, [this](const ProcessRow& a, const ProcessRow& b) {
      const auto less = [&](const ProcessRow& x, const ProcessRow& y) {
        if (sort_ == 'm' && x.process.rss_bytes != y.process.rss_bytes)
          return x.process.rss_bytes > y.process.rss_bytes;
        if (sort_ == 'f' && x.process.fds != y.process.fds) return x.process.fds > y.process.fds;
        if (sort_ == 'c' && (x.cpu_percent < y.cpu_percent || x.cpu_percent > y.cpu_percent))
          return x.cpu_percent > y.cpu_percent;
        return x.process.pid < y.process.pid;
      };
      return reverse_ ? less(b, a) : less(a, b);
    });
  }

  [[nodiscard]] std::vector<std::vector<std::string>> cells(std::size_t most = SIZE_MAX) const {
    std::vector<std::vector<std::string>> all{{"CONTAINER", "PID", "S", "CPU%", "MEM", "THR", "FDS", "COMMAND"}};
    for (const auto& row : std::span(rows_).first(std::min(most, rows_.size()))) {
      const auto& p = row.process;
      all.push_back({printable(row.container), std::to_string(p.pid), std::string(1, p.state),
                     one_decimal(row.cpu_percent), human_bytes(p.rss_bytes), std::to_string(p.threads),
                     p.fds ? std::to_string(*p.fds) : "-", printable(p.command)});
    }
    return all;
  }

  [[nodiscard]] std::string json() const {
    Json all = Json::array();
    for (const auto& row : rows_) {
      const auto& p = row.process;
      Json one = {{"container", row.container},
                  {"pid", p.pid},
                  {"parent", p.parent},
                  {"state", std::string(1, p.state)},
                  {"cpu_percent", row.cpu_percent},
                  {"cpu_us", p.cpu_us},
                  {"memory_bytes", p.rss_bytes},
                  {"threads", p.threads},
                  {"command", to_utf8(p.command)}};
      if (p.fds) one["fds"] = *p.fds;
      if (p.read_bytes) one["read_bytes"] = *p.read_bytes;
      if (p.written_bytes) one["written_bytes"] = *p.written_bytes;
      all.push_back(std::move(one));
    }
    return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  }

  // ---- the live table ------------------------------------------------------------------------

  Result<int> live() {
    sigset_t set;
    sigemptyset(&set);
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT, SIGTTOU}) sigaddset(&set, s);
    sigset_t before;
    if (::sigprocmask(SIG_BLOCK, &set, &before) < 0) return std::unexpected(failed(errno));
    sigdelset(&set, SIGTTOU);   // blocked, so that giving the terminal back works from the background as well
    const Fd signals(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals) return std::unexpected(failed(errno));
    Terminal terminal(0);
    enter(terminal);
    int ended_by = 0;
    std::optional<Error> error;
    for (bool fresh = true; ended_by == 0 && !done_;) {
      if (fresh) {
        if (only_.empty() && wanted_.empty())
          clients_ = control::reach({}, true).value_or(std::vector<control::Client>{});
        look();
        if (!only_.empty() && clients_.empty()) break;
      }
      if (auto r = paint(); !r) {
        error = r.error();
        break;
      }
      pollfd p[2] = {{.fd = 0, .events = POLLIN, .revents = 0}, {.fd = signals.get(), .events = POLLIN, .revents = 0}};
      const int ready = ::poll(p, 2, seconds_ * 1000);
      fresh = ready == 0;
      if ((p[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) fresh = keys(terminal) || fresh;
      signalfd_siginfo info{};
      while (::read(signals.get(), &info, sizeof info) == sizeof info) {
        const int number = static_cast<int>(info.ssi_signo);
        if (number == SIGTSTP)
          suspend(terminal);
        else if (number == SIGCONT)
          enter(terminal);
        else if (number != SIGWINCH)
          ended_by = number;
      }
    }
    leave(terminal);
    if (error) return std::unexpected(std::move(*error));
    if (ended_by != 0) {
      // As it would have ended us.
      std::signal(ended_by, SIG_DFL);
      ::raise(ended_by);
      ::sigprocmask(SIG_SETMASK, &before, nullptr);
    }
    return missing_ && rows_.empty() ? 125 : 0;
  }

  static Error failed(int err) {
    return Error{.code = "E_SIGNALFD", .where = "top", .what = "cannot watch for signals", .err = err};
  }

  static void enter(Terminal& terminal) {
    terminal.make_raw();
    Terminal::farewell(kLeave);
    (void)print(kEnter);
  }
  static void leave(Terminal& terminal) {
    (void)print(kLeave);
    Terminal::farewell({});
    terminal.restore();
  }
  static void suspend(Terminal& terminal) {
    leave(terminal);
    ::raise(SIGSTOP);
  }

  [[nodiscard]] Result<int> paint() const {
    const auto size = terminal_size(1);
    const std::size_t height = size ? size->ws_row : 24U;
    const std::size_t width = size ? size->ws_col : 80U;
    const std::string text = sup::table(cells(height > 3 ? height - 3 : 0), width);
    std::string out = "\x1b[H";
    std::string head = std::to_string(rows_.size()) + " processes  " + std::string(kKeys);
    // Never more than there is room for: a line that is broken, or one too many, would push the others out. Cleared before it is
    // written, since a line that is full leaves the cursor on its last character.
    out += "\x1b[K" + head.substr(0, width);
    if (height > 2) out += "\r\n\x1b[K";
    std::size_t line = 2;
    std::string_view rest = text;
    while (!rest.empty() && line < height) {
      const auto end = rest.find('\n');
      out += "\r\n\x1b[K" + cut(rest.substr(0, end), width);
      rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
      ++line;
    }
    // What is below the last one.
    return print(line < height ? out + "\r\n\x1b[J" : out);
  }

  // True: look again at once.
  bool keys(Terminal& terminal) {
    char typed[64];
    const ssize_t n = ::read(0, typed, sizeof typed);
    if (n < 0 && errno == EINTR) return false;
    if (n <= 0) return done_ = true;
    for (const char key : std::string_view(typed, static_cast<std::size_t>(n))) {
      switch (key) {
        case 'q':
        case '\x03':
        case '\x04': return done_ = true;
        case 'c':
        case 'm':
        case 'f':
        case 'p': sort_ = key; break;
        case 'r': reverse_ = !reverse_; break;
        case '\x1a': suspend(terminal); break;
        default:
          if (key >= '1' && key <= '9') seconds_ = key - '0';
      }
    }
    return true;
  }

  struct Last {
    std::uint64_t at_us;
    std::uint64_t cpu_us;
    std::uint64_t started_us;
  };
  bool json_ = false;
  bool missing_ = false;
  bool done_ = false;
  bool reverse_ = false;
  char sort_ = 'c';
  int seconds_ = 2;
  std::string only_;
  std::vector<std::string> wanted_;
  std::vector<control::Client> clients_;
  std::vector<ProcessRow> rows_;
  std::map<pid_t, Last> last_;
};

}  // namespace

std::unique_ptr<Verb> make_top() { return std::make_unique<TopVerb>(); }

}  // namespace sup::cli
