#include "face/daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/text.h"
#include "core/eventlog.h"
#include "core/savedcodec.h"
#include "core/supervisor.h"
#include "face/control/server.h"
#include "face/reload.h"
#include "face/say.h"
#include "loop/signals.h"
#include "spec/check.h"
#include "spec/jsonmember.h"
#include "sys/handover.h"
#include "sys/initimage.h"
#include "sys/nofile.h"
#include "sys/nameclaim.h"
#include "sys/notify.h"
#include "sys/runtime.h"
#include "sys/spawn.h"
#include "sys/unixsocket.h"

namespace sup {
namespace {

constexpr int kReadyTimeout = 20'000;   // ms
constexpr int kPause = 10;              // ms between looks at one that is about to listen
constexpr int kTries = 200;

// At the end, for clients that have not taken everything: between looks, and altogether.
constexpr std::chrono::milliseconds kLook{10};
constexpr std::uint64_t kLastWords = 5'000'000;  // us

// Who started us waits for the end of this descriptor; what it reads before is why we are not there.
void ready(int fd, const std::string& problem) {
  if (fd < 0) return;
  if (!problem.empty()) (void)!::write(fd, problem.data(), problem.size());
  ::close(fd);
}

sigset_t watched() {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGTERM, SIGINT, SIGHUP, SIGQUIT}) sigaddset(&set, s);
  return set;
}

Result<nlohmann::json> state_in(int fd) {
  auto bytes = read_state(fd);
  if (!bytes) return std::unexpected(bytes.error());
  auto state = decode_state(*bytes);
  // Whatever is wrong with it is found before anything is taken from it.
  if (auto saved = state ? supervisor_from_json(part_in(*state, "supervisor")) : std::unexpected(state.error());
      !saved) {
    return std::unexpected(saved.error());
  }
  return state;
}

class Daemon {
 public:
  Daemon(const cli::Globals& globals, const DaemonOptions& options)
      : globals_(globals), options_(options), idle_(loop_) {}

  Result<void> begin() {
    raise_nofile();
    keep_low_descriptors();
    if (!is_container_name(options_.name)) {
      return usage("-S " + printable(options_.name), "not a name for a supervisor",
                   "a letter or digit, then letters, digits, '_', '.' and '-'");
    }
    if (auto dir = make_runtime_dir(); !dir) return std::unexpected(dir.error());
    const auto path = socket_path(options_.name);
    if (!path) return std::unexpected(path.error());
    nlohmann::json state;
    if (options_.resume_fd >= 0) {
      auto read = state_in(options_.resume_fd);
      if (!read) return std::unexpected(read.error());
      state = std::move(*read);
    }
    auto socket = socket_for(*path, state);
    if (!socket) return std::unexpected(socket.error());
    auto log = EventLog::open(loop_, globals_.events, globals_.log_level, globals_.quiet,
                              [](const Error& error) { say(error); });
    if (!log) return std::unexpected(log.error());
    log_ = std::move(*log);
    log_->set_supervisor(options_.name);
    if (!state.is_null())
      log_->remember({.seq = number_in(state, "seq", std::uint64_t{0}),
                      .unsent = text_in(state, "unsent"),
                      .dropped = number_in(state, "dropped", std::uint64_t{0})});
    // What a killed supervisor of this name left behind belongs to nobody: its containers died with it.
    logs_ = logs_path(*path);
    std::error_code ignored;
    if (state.is_null()) {
      std::filesystem::remove_all(logs_, ignored);
      sweep_claims();
    }
    if (::mkdir(logs_.c_str(), 0700) < 0 && (state.is_null() || errno != EEXIST)) {
      return std::unexpected(
          Error{.code = "E_LOG", .where = "logs", .what = logs_, .err = errno, .path = logs_, .stage = {}});
    }
    supervisor_ = std::make_unique<Supervisor>(loop_, *log_, logs_);
    supervisor_->spare_memory();
    if (auto r = supervisor_->start(); !r) return r;
    server_ = std::make_unique<control::Server>(loop_, *log_, *supervisor_, options_.name);
    std::optional<Roster> roster;
    if (const int kept = number_in(state, "roster", -1); kept >= 0) {
      roster.emplace(Roster::adopt(options_.state_dir, Fd(kept)));
    } else if (!options_.state_dir.empty() && state.is_null()) {
      auto opened = Roster::open(options_.state_dir);
      if (!opened) return std::unexpected(opened.error());
      roster.emplace(std::move(*opened));
    }
    if (auto r = restore(state); !r) return r;
    supervisor_->on_change = [this] { changed(); };
    auto signals = SignalReader::open(
        loop_, watched(), [this](const signalfd_siginfo& info) { signalled(static_cast<int>(info.ssi_signo)); });
    if (!signals) return std::unexpected(signals.error());
    signals_.emplace(std::move(*signals));
    server_->on_reload = [this](std::string program, std::function<void(const Error&)> failed) {
      return reload_->begin(std::move(program), std::move(failed));
    };
    if (auto r = server_->listen(std::move(*socket)); !r) return r;
    reload_ = std::make_unique<Reload>(
        loop_, supervisor_->reaper(),
        Reload::Host{.save = [this] { return save(); },
                     .descriptors = [this] { return descriptors(); },
                     .hold = [this](bool yes) { supervisor_->hold_starts(yes), server_->hold(yes); },
                     .settled = [this] { return supervisor_->settled() && server_->settled(); },
                     .argv = [this](bool trial) { return argv(trial); }});
    if (state.is_null()) log_->emit(Event{.id = {}, .name = {}, .cause = 0, .what = event::Listening{.path = *path}});
    if (roster) supervisor_->use_roster(std::move(*roster), state.is_null());
    supervisor_->keep_parked(options_.pool);
    changed();
    return {};
  }

  void serve() {
    loop_.run();
    reload_.reset();
    server_.reset();
    signals_.reset();
    supervisor_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(logs_, ignored);
    log_->emit(Event{.id = {}, .name = {}, .cause = 0, .what = event::Closing{}});
    log_->flush();
  }

 private:
  // The one that listened before a live upgrade, one that was handed in, or one of our own.
  static Result<ListeningSocket> socket_for(const std::string& path, const nlohmann::json& state) {
    if (!state.is_null()) {
      const auto& server = part_in(state, "server");
      return ListeningSocket::adopt(path, Fd(number_in(server, "lock", -1)), Fd(number_in(server, "socket", -1)),
                                    flag_in(server, "borrowed"));
    }
    auto handed = ListeningSocket::handed_in(path);
    if (!handed) return std::unexpected(handed.error());
    if (*handed) return std::move(**handed);
    return ListeningSocket::open(path);
  }

  // ---- live upgrade: what goes into the state, and comes out of it ----

  [[nodiscard]] nlohmann::json save() const {
    const auto events = log_->memory();
    return {{"seq", events.seq},
            {"unsent", events.unsent},
            {"dropped", events.dropped},
            {"leaving", leaving_},
            {"roster", supervisor_->roster_fd()},
            {"supervisor", saved_to_json(supervisor_->save())},
            {"server", server_->save()}};
  }

  Result<void> restore(const nlohmann::json& state) {
    if (state.is_null()) return {};
    auto saved = supervisor_from_json(part_in(state, "supervisor"));
    if (!saved) return std::unexpected(saved.error());
    // The events so far first: what restoring has to say comes after them.
    server_->restore_events(part_in(state, "server"));
    supervisor_->restore(std::move(*saved));
    server_->restore(part_in(state, "server"));
    supervisor_->resume_rest();
    log_->emit(Event{.id = {},
                     .name = {},
                     .cause = 0,
                     .what = event::Reloaded{.from = text_in(state, "version", "?"), .version = SUP_VERSION}});
    leaving_ = flag_in(state, "leaving");
    return {};
  }

  [[nodiscard]] std::vector<int> descriptors() const {
    auto all = descriptors_in(supervisor_->save());
    for (const int fd : server_->descriptors()) all.push_back(fd);
    if (supervisor_->roster_fd() >= 0) all.push_back(supervisor_->roster_fd());
    // --events fd:N is opened by its number again.
    if (const auto fd = globals_.events.starts_with("fd:")
                            ? parse_unsigned<unsigned>(std::string_view(globals_.events).substr(3))
                            : std::nullopt) {
      all.push_back(static_cast<int>(*fd));
    }
    return all;
  }

  [[nodiscard]] std::vector<std::string> argv(bool trial) const {
    if (trial) return {"sup", "daemon", "--try-state", "@"};
    std::vector<std::string> words = {"sup",           "-S",          options_.name,     "--events",
                                      globals_.events, "--log-level", globals_.log_level};
    if (globals_.quiet) words.emplace_back("-q");
    words.emplace_back("daemon");
    if (options_.idle) words.insert(words.end(), {"--idle-exit", std::to_string(options_.idle->count()) + "ms"});
    if (options_.pool) words.insert(words.end(), {"--pool", std::to_string(*options_.pool)});
    if (!options_.state_dir.empty()) words.insert(words.end(), {"--state-dir", options_.state_dir});
    words.insert(words.end(), {"--resume", "@"});
    return words;
  }

  void changed() {
    idle_.stop();
    if (leaving_ && supervisor_->live() == 0 && supervisor_->execs() == 0) {
      // Who watched a command to its end has its last words on the way.
      if (!all_ended_us_) all_ended_us_ = Loop::now_us();
      if (!server_->busy() || Loop::now_us() - *all_ended_us_ > kLastWords) return loop_.stop();
      return idle_.start(kLook, [this] { changed(); });
    }
    if (options_.idle && supervisor_->empty()) {
      idle_.start(*options_.idle, [this] {
        // Somebody who has just connected is about to ask for something; and what began since then is told here alone.
        if (server_->sessions() != 0 || !supervisor_->empty()) return changed();
        loop_.stop();
      });
    }
  }

  void signalled(int number) {
    if (number == SIGHUP) return;
    leaving_ = true;
    notify_manager("STOPPING=1");
    supervisor_->stop_all();
    changed();
  }

  const cli::Globals& globals_;
  const DaemonOptions& options_;
  Loop loop_;
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<Supervisor> supervisor_;
  std::optional<SignalReader> signals_;
  std::unique_ptr<control::Server> server_;
  std::unique_ptr<Reload> reload_;
  Timer idle_;
  std::string logs_;
  bool leaving_ = false;
  std::optional<std::uint64_t> all_ended_us_;  // of those that are waited for before it leaves
};

// In the child that was to become the supervisor: who waits for it is told why it does not.
[[noreturn]] void give_up(std::string_view why, int fd) {
  (void)!::write(fd, why.data(), why.size());
  ::_exit(127);
}

// Runs `sup daemon` in a session of its own, without our terminal. The descriptor tells when it serves.
Result<Fd> spawn_daemon(const std::string& name) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0)
    return std::unexpected(Error{.code = "E_FDS", .where = "daemon", .what = "cannot be started", .err = errno});
  Fd read_end(ends[0]);
  const Fd write_end(ends[1]);
  const auto dir = make_runtime_dir();
  if (!dir) return std::unexpected(dir.error());
  const std::string events = *dir + "/" + name + ".events";
  const pid_t pid = ::fork();
  if (pid < 0)
    return std::unexpected(Error{.code = "E_CLONE_PIDS", .where = "daemon", .what = "cannot be started", .err = errno});
  if (pid == 0) {
    // Twice, so that it is nobody's child: who asked for a container need not reap a supervisor.
    ::setsid();
    if (::fork() != 0) ::_exit(0);
    const int null = ::open("/dev/null", O_RDWR);
    if (null < 0) give_up("/dev/null cannot be opened", write_end.get());
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    ::dup2(write_end.get(), 3);
    (void)!::chdir("/");
    ::execl("/proc/self/exe", "sup", "-S", name.c_str(), "--events", events.c_str(), "daemon", "--idle-exit", "60s",
            "--ready-fd", "3", static_cast<char*>(nullptr));
    give_up("sup cannot execute itself by /proc/self/exe", 3);
  }
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return read_end;
}

}  // namespace

Result<int> run_daemon(const cli::Globals& globals, const DaemonOptions& options) {
  Daemon daemon(globals, options);
  const auto begun = daemon.begin();
  ready(options.ready_fd, begun ? "" : begun.error().line());
  if (!begun && options.ready_fd >= 0 && begun.error().code == "E_SUPERVISOR_RUNS") {
    // Said where it was asked for. Not in the log: that is the other one's, who numbers its events.
    say(begun.error());
    return begun.error().status;
  }
  if (!begun) return std::unexpected(begun.error());
  notify_manager("READY=1");
  daemon.serve();
  return 0;
}

Result<int> try_state(int fd) {
  if (auto state = state_in(fd); !state) return std::unexpected(state.error());
  if (auto image = load_init(); !image) return std::unexpected(image.error());
  (void)!::write(2, kTrialPassed.data(), kTrialPassed.size());
  return 0;
}

Result<control::Client> ensure_supervisor(const std::string& name) {
  auto client = control::Client::connect(name);
  // A path names one that somebody else has started.
  if (client || client.error().code != "E_NO_SUPERVISOR" || name.find('/') != std::string::npos) return client;
  auto started = spawn_daemon(name);
  if (!started) return std::unexpected(started.error());
  std::string problem;
  char piece[1024];
  pollfd p{.fd = started->get(), .events = POLLIN, .revents = 0};
  while (::poll(&p, 1, kReadyTimeout) > 0) {
    const ssize_t n = ::read(started->get(), piece, sizeof piece);
    if (n <= 0) break;
    problem.append(piece, static_cast<std::size_t>(n));
  }
  // Also when it could not start: another one may have been faster, and is the one to use.
  client = control::Client::connect(name);
  // The other one has its lock before it listens.
  for (int i = 0; i < kTries && !client && client.error().code == "E_NO_SUPERVISOR" && !problem.empty(); ++i) {
    ::poll(nullptr, 0, kPause);
    client = control::Client::connect(name);
  }
  if (!client && !problem.empty()) {
    return std::unexpected(Error{.code = "E_NO_SUPERVISOR",
                                 .where = "supervisor",
                                 .what = name,
                                 .err = 0,
                                 .why = printable(problem),
                                 .hint = {},
                                 .path = {},
                                 .stage = {}});
  }
  return client;
}

}  // namespace sup
