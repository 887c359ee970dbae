// Supervisor: many containers on one loop. What the control socket (face/control) asks for is done here.
#pragma once
#include <sys/ioctl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "core/aside.h"
#include "core/audience.h"
#include "core/container.h"
#include "core/eventlog.h"
#include "core/graveyard.h"
#include "core/logfile.h"
#include "core/pool.h"
#include "core/reaper.h"
#include "core/ring.h"
#include "core/roster.h"
#include "core/saved.h"
#include "loop/loop.h"
#include "loop/timer.h"
#include "spec/lifecycle.h"
#include "spec/restart.h"
#include "spec/spec.h"
#include "sys/facts.h"
#include "sys/memoryroom.h"
#include "sys/nameclaim.h"

namespace sup {

// The newest log file of a container, in its log directory.
inline constexpr const char* kLogName = "log";

// Who asks for a container says what the caller's own start would have taken from its surroundings.
struct RunRequest {
  Spec spec;
  std::vector<std::string> environ;
  std::string cwd;
  winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
  std::array<Fd, 3> given{};           // its 0, 1 and 2 as they are, in its first run; none: as usual
  // Whoever has gathered and compiled it already, for a first run of this id; environ, cwd, size and given do not count then.
  struct Prepared {
    Facts facts;
    Plan plan;
    Container::Wiring wiring;
    std::optional<Parked> parked{};  // an init that fits the plan, a child of this process
  };
  std::optional<Prepared> prepared{};
};

// One container through all its runs. Owned by the Supervisor; references stay good until it is removed.
class Held {
 public:
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }  // in the order they came, from 1
  [[nodiscard]] const std::string& name() const { return spec_.name; }
  [[nodiscard]] const Spec& spec() const { return spec_; }
  [[nodiscard]] ContainerState state() const { return state_; }
  [[nodiscard]] pid_t pid() const { return container_ ? container_->pid() : -1; }
  [[nodiscard]] const std::optional<Outcome>& outcome() const { return outcome_; }  // of the last run
  [[nodiscard]] std::int64_t created() const { return created_; }  // seconds since 1970
  [[nodiscard]] std::int64_t started() const { return started_; }  // of the last run; 0: never
  [[nodiscard]] std::int64_t finished() const { return finished_; }  // of the last run; 0: not yet
  [[nodiscard]] std::uint32_t restarts() const { return backoff_.count(); }  // since it last stayed up for a while
  [[nodiscard]] const Ring& ring() const { return ring_; }
  [[nodiscard]] std::size_t viewers() const { return audience_.size(); }
  [[nodiscard]] std::size_t input_queued() const { return container_ ? container_->input_queued() : 0; }
  // What runs; null: nothing does. For who has started it in its own process: a client is served by the Supervisor.
  [[nodiscard]] Container* container() const { return container_.get(); }
  // What was seen of its use by whoever looked last (stats): 0, 0: nobody has.
  struct Seen {
    std::uint64_t at_us = 0;  // since the boot
    std::uint64_t cpu_us = 0;
  };
  Seen seen;
  [[nodiscard]] const std::string& log_directory() const {
    return log_directory_;
  }  // holds kLogName and its older ones
  // Bytes of output at its end that could not be written, and of which the log does not tell yet.
  [[nodiscard]] std::uint64_t log_missing() const { return log_ ? log_->untold_bytes() : log_missed_; }

 private:
  friend class Supervisor;
  using Told = std::function<void(const Held&)>;
  std::string id_;
  std::uint64_t number_ = 0;
  Spec spec_;
  RunRequest request_;  // its spec is here no more
  ContainerState state_ = ContainerState::created;
  std::unique_ptr<Container> container_;
  std::optional<Outcome> outcome_;
  Backoff backoff_;
  std::unique_ptr<Timer> again_;  // while in backoff
  std::uint64_t why_ = 0;  // seq of what leads to its next start
  std::uint64_t last_seq_ = 0;  // of its last run's latest event
  bool stopped_by_user_ = false;
  std::uint64_t sent_ = 0;  // signals that users have sent to this run: bit N-1 for N
  bool remove_at_end_ = false;
  bool asked_ = false;  // the start under way is a caller's, who hears should it fail: no policy tries it again
  bool on_roster_ = false;  // and, as that has it, stopped by its user
  bool roster_stopped_ = false;
  NameClaim claim_;  // of its name, where there is a runtime directory
  std::int64_t created_ = 0, started_ = 0, finished_ = 0;
  Ring ring_;
  Audience audience_;
  std::string log_directory_;
  Fd log_fd_;  // of the directory; outlives log_
  std::unique_ptr<LogFile> log_;  // from the first output on
  std::uint64_t log_missed_ = 0;  // bytes of output that came while it could not be opened
  bool log_trouble_told_ = false;  // an event says that this run's output is not written
  std::unique_ptr<Timer> log_pause_;  // output has paused: what is held back of a line is shown
  std::vector<Told> begun_;  // told once: its command runs, or never will
  std::vector<Told> ended_;  // told at the next end, once
  bool again_at_end_ = false;  // asked to restart: its end is a start
  std::vector<Told> again_told_;  // who asked; they are told of the start that is to come
};

// One more command in a container (`sup exec`).
struct ExecRequest {
  Spec spec;  // of it counts what compile_exec() takes
  Container::Wiring wiring;
  Container::Hooks hooks;  // ended is told once, also of what never ran
};

class Supervisor {
 public:
  // logs: a directory for the containers' logs, one directory each by id; ours. Made when the first log is.
  Supervisor(Loop& loop, EventLog& log, std::string logs);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Loads init and begins to hear of ends. Before the first run().
  [[nodiscard]] Result<void> start();

  // Output is kept in a file only from the moment somebody asks for it (log_of()). Before the first run().
  void log_on_demand() { log_on_demand_ = true; }
  // No container begins any more, nor runs again (E_FOREGROUND): what runs now is all there ever is.
  void begin_no_more() { no_more_ = true; }
  // Nothing begins for which there is no memory (E_MEMORY): the kernel would make room by killing the largest, which is us, and
  // all others with us.
  void spare_memory() { spare_memory_ = true; }

  // From now on those with a policy to be always there (always, unless-stopped) are on this roster. Those on it already come back:
  // they begin in the next turns, or are there as ended where their user has stopped them (starts_with_supervisor()). anew: of a
  // supervisor that begins; else, after a live upgrade, they are here. What cannot be is told in an event, and harms no other.
  void use_roster(Roster roster, bool anew);
  [[nodiscard]] int roster_fd() const { return roster_ ? roster_->fd() : -1; }

  // From now on inits are made in advance (core/pool.h): so many, or as many as the starts of late suggest.
  void keep_parked(std::optional<std::size_t> count);

  // A request to run something has come, and is not read yet. (While another start is under way the processors have work.)
  void expect_start() {
    if (pool_ && starting_ == 0 && !closing_ && !no_more_ && !hold_starts_) pool_->expect();
  }
  // Checks, compiles and starts. Errors are those of a foreground run before its command ran; one that init meets is an
  // end, told to `ended`. E_NAME_TAKEN names the holder, here or under another supervisor. first: watches from before the command's first instruction.
  [[nodiscard]] Result<Held*> run(RunRequest request, Viewer* first = nullptr);

  // By id, by name, or by the beginning of an id that only one has. E_NO_CONTAINER, E_AMBIGUOUS.
  [[nodiscard]] Result<Held*> find(std::string_view reference);
  // In the order they came; those after a number alone, so that a long list can be had in parts.
  [[nodiscard]] const std::map<std::uint64_t, Held*>& list() const { return in_order_; }
  [[nodiscard]] std::size_t live() const { return live_; }  // how many have a process
  [[nodiscard]] bool empty() const { return held_.empty(); }

  // Stop signal, wait, KILL; the end is told by on_end().
  [[nodiscard]] Result<void> stop(Held& held, std::optional<int> number, std::optional<std::chrono::milliseconds> wait);
  [[nodiscard]] Result<Effect> signal(Held& held, int number, std::optional<std::int64_t> sender);
  // E_STATE while it runs, unless forced (then it is killed first, and goes when it has ended).
  [[nodiscard]] Result<void> remove(Held& held, bool force);
  // What has ended is run once more; told as by on_begin(). E_STATE while it runs.
  [[nodiscard]] Result<void> start(Held& held, std::function<void(const Held&)> told);
  // A stop, if it runs, whose end becomes a start; told as by on_begin(), or when a later stop or removal overruled it:
  // then it is stopping, or has ended.
  [[nodiscard]] Result<void> restart(Held& held, std::optional<std::chrono::milliseconds> wait,
                                     std::function<void(const Held&)> told);
  // done: when everything of it stands still, or why it does not. Not from within this call.
  void pause(Held& held, std::function<void(Result<void>)> done);
  [[nodiscard]] Result<void> unpause(Held& held);
  // Changes its limits, now and for its next runs.
  [[nodiscard]] Result<void> update(Held& held, const Limits& changes);
  // From its next end on; what waits for a restart that there would be none of any more waits no longer.
  [[nodiscard]] Result<void> update(Held& held, const RestartPolicy& policy);
  // Into a container that runs; one that is starting is waited for. told comes once, in this call or later, and before any
  // of the hooks: the command on its way (good until hooks.ended has been called and the turn is over), or why there is
  // none: E_STATE, E_CONTAINER_ENDED, and what compile_exec() says.
  using ExecTold = std::function<void(Result<Container*>)>;
  void exec(Held& held, ExecRequest request, ExecTold told);
  [[nodiscard]] std::size_t execs() const { return execs_.size(); }
  // none: it has ended, or never was.
  [[nodiscard]] Container* find_exec(const std::string& id) const;
  // Once: when the command runs, or has turned out not to (outcome()->ran says which). Right after run().
  static void on_begin(Held& held, std::function<void(const Held&)> told) { held.begun_.push_back(std::move(told)); }
  // At once when nothing of it runs.
  void on_end(Held& held, std::function<void(const Held&)> told);

  // Told of the start that was asked for with a restart and is still to come; for a live upgrade.
  static void on_again(Held& held, std::function<void(const Held&)> told) {
    held.again_told_.push_back(std::move(told));
  }
  [[nodiscard]] static bool starts_again(const Held& held) { return held.again_at_end_; }

  // Who watches and types. attach(): E_STATE when nothing of it runs. size: of the viewer's window, when it has one.
  [[nodiscard]] Result<void> attach(Held& held, Viewer& viewer, std::optional<winsize> size);
  void detach(Held& held, const Viewer& viewer);
  // A viewer that was full is no more.
  void eased(Held& held);
  void type(Held& held, const Viewer& viewer, std::string_view bytes);
  void end_input(Held& held);
  void resize(Held& held, const Viewer& viewer, const winsize& size);
  [[nodiscard]] static std::optional<winsize> window_of(const Held& held, const Viewer& viewer) {
    return held.audience_.window_of(viewer);
  }
  // Where its log is. With log_on_demand() it begins here, with what the ring still has of it.
  [[nodiscard]] Result<std::string> log_of(Held& held);
  // An event about a viewer of the container.
  void note(const Held& held, decltype(Event::what) what);

  // Asks everything to stop, at the same time; again: kills.
  void stop_all();

  // Who else has children here watches them through it.
  [[nodiscard]] Reaper& reaper() { return reaper_; }

  // For a live upgrade (core/saved.h). While starts are held back none begins: a restart that is due waits.
  void hold_starts(bool hold);
  // No start is under way and every end has been told: what there is can be saved.
  [[nodiscard]] bool settled() const;
  [[nodiscard]] SavedSupervisor save() const;
  // Right after start(), in the process that goes on. What cannot be restored ends, told in an event, and harms no other.
  void restore(SavedSupervisor saved);
  // A command of exec goes on with whom it was for; E_STATE: there is none of that id. And then those nobody asked for, and all
  // whose viewers have not come back.
  [[nodiscard]] Result<Container*> resume_exec(const std::string& id, Container::Hooks hooks);
  void resume_rest();

  // Told when the last process has gone, and when the last container was removed.
  std::function<void()> on_change;

 private:
  void set_state(Held& held, ContainerState next);
  Held& keep(std::unique_ptr<Held> held, std::uint64_t number);
  // Whether there is room for one more command, with what is left for those that run.
  [[nodiscard]] Result<void> room();
  [[nodiscard]] Result<RunRequest::Prepared> prepare(Held& held);
  Result<void> launch(Held& held);
  Result<void> start_anew(Held& held, std::uint64_t cause);
  void start_after_end(Held& held, std::uint64_t cause);
  static void tell(std::vector<Held::Told>& all, const Held& held);
  [[nodiscard]] Container::Hooks hooks(Held& held);
  void restore(SavedHeld saved);
  [[nodiscard]] static SavedHeld lasting(const Held& held);
  [[nodiscard]] static SavedHeld save(const Held& held);
  void come_back(SavedHeld saved);
  void enroll(Held& held);
  void again_after(Held& held, std::chrono::milliseconds pause);
  void again(const std::string& id);
  [[nodiscard]] Result<void> open_log(Held& held);
  void begin_log(Held& held, std::size_t coming);
  void output(Held& held, Channel channel, std::string_view bytes);
  void log_output(Held& held, OutputStream stream, std::string_view bytes);
  static void fit(Held& held);
  void restart_later(Held& held, std::uint64_t cause);
  void ended(Held& held, const Outcome& outcome);
  void forget(const std::string& id);
  [[nodiscard]] Result<void> move(Held& held, ContainerAction action);

  Loop& loop_;
  EventLog& log_;
  std::string logs_;
  Reaper reaper_;
  Fd image_;
  Fd null_;  // /dev/null, opened for the next command that reads nothing: each has one of its own
  World world_;
  std::unique_ptr<Pool> pool_;  // from start() on
  bool closing_ = false;
  bool hold_starts_ = false;
  bool log_on_demand_ = false;
  bool no_more_ = false;
  bool spare_memory_ = false;
  std::optional<Roster> roster_;
  MemoryRoom memory_;
  std::minstd_rand chance_;  // for the jitter of the pauses only
  std::map<std::string, std::unique_ptr<Held>> held_;  // by id; sorted, for the beginnings of ids
  std::unordered_map<std::string, Held*> by_name_;
  std::map<std::uint64_t, Held*> in_order_;
  std::uint64_t last_number_ = 0;
  std::size_t live_ = 0;
  std::size_t starting_ = 0;  // of them, those whose command does not run yet
  std::size_t stopping_ = 0;  // and those whose end is to come
  Graveyard graveyard_;

  void enter(const std::string& id, ExecRequest request, const Inside& inside, const ExecTold& told);
  [[nodiscard]] Container::Hooks exec_hooks(const std::string& key, Container::Hooks hooks);
  std::map<std::string, std::unique_ptr<Container>> execs_;  // by the exec's id
  std::map<std::string, SavedExec> unclaimed_;  // while a live upgrade's state is being restored
  std::map<std::string, std::unique_ptr<Aside>> asked_;  // by an id, until the container's users are known
};

}  // namespace sup
