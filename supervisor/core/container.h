// Container: one command in fresh namespaces, with its streams, its state and its end. Or one more command in those
// of a container that runs (an Entry, `sup exec`): then it is not the first process in there, and its end is not that
// of everything.
//
//            start()                {exec} then EOF, or {running}           reaped and every stream ended
//   created ────────► starting ───────────────────────────────► running ────────────────────────────────► ended
//                        │                                         │  stop(): stopping, KILL after the wait   ▲
//                        └───────── {failed}, or init died ────────┴──────────────────────────────────────────┘
//
// An entry: what was cloned goes in by a child of its own (init/join.h) and is gone; {joined} says which one is ours, and
// that one waits for {go}: it has to be watched before it can end.
#pragma once
#include <sys/ioctl.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "core/aside.h"
#include "core/event.h"
#include "core/eventlog.h"
#include "core/fence.h"
#include "core/mapping.h"
#include "core/pasta.h"
#include "core/pool.h"
#include "core/reaper.h"
#include "core/saved.h"
#include "init/plan.h"
#include "loop/loop.h"
#include "loop/stream.h"
#include "loop/timer.h"
#include "spec/eof.h"
#include "spec/exit_status.h"
#include "spec/facts.h"
#include "spec/plan.h"
#include "spec/spec.h"

namespace sup {

enum class Channel : std::uint8_t { out, err };  // a terminal has only out

// How it ended, for whoever started it.
struct Outcome {
  bool ran = false;  // execve succeeded; else `error` says why not
  std::optional<Error> error;
  ExitStatus status;  // true when ran
  Reason reason = Reason::exit;
  std::uint64_t duration_ms = 0;
  Bytes bytes;
  // 0-255 for the shell (CONTRACT: 128+N for a signal; 125, 126, 127 for what never ran).
  [[nodiscard]] int shell_status() const;
};

class Container {
 public:
  // What the owner hears; called from the loop, never from within a call of the owner's except start().
  struct Hooks {
    std::function<void()> started;
    std::function<void(Channel, std::string_view)> output;
    std::function<void()> input_drained;  // write_input()'s queue is empty again
    std::function<void()> input_closed;  // the command reads no more (EPIPE): not an error
    std::function<void(const Outcome&)> ended;  // last call; destroy the container only after the turn (Loop::later)
  };

  // Where the command's 0, 1 and 2 come from. `given` is handed over as it is; `pumped` makes a pipe here; with a
  // tty all three are the pty and only `size` and `raw_output` count.
  struct Wiring {
    Fd in, out, err;  // given; none: pumped
    winsize size{};
    bool raw_output = false;  // "\n" stays "\n": nobody shows it on a terminal
  };

  // Who goes into a container that runs.
  struct Entry {
    std::string id;  // 12 hex digits; in its events beside the container's
    pid_t pid1 = -1;  // the container's first process
    int pidfd = -1;  // and what names it for good; borrowed for start()
    // Before the command runs: puts the process where the container's are kept (cgroups). An error ends it.
    std::function<Result<void>(pid_t pid)> place{};
    Fd own{};  // what pidfd is, where nobody else holds it
  };

  // With an entry: facts are those of the container, and the plan is compile_exec()'s.
  Container(Loop& loop, EventLog& log, Reaper& reaper, Spec spec, Facts facts, Plan plan, Hooks hooks,
            std::optional<Entry> entry = {});
  ~Container();
  Container(const Container&) = delete;
  Container& operator=(const Container&) = delete;

  // image: load_init()'s, borrowed. parked: an init made in advance that fits the plan; the start is then its rest.
  // A failure is an `ended` like any other, with its events.
  void start(Wiring wiring, int image, std::optional<Parked> parked = std::nullopt);

  void write_input(std::string_view bytes);
  [[nodiscard]] std::size_t input_queued() const;
  // End of input: a pipe is closed; a terminal gets its VEOF character, twice in mid-line.
  void end_input();
  // It has ended, and its owner wants to hear no more of it.
  void forsake() { hooks_ = {}; }
  void pause_output(Channel channel);
  void resume_output(Channel channel);
  // Nobody can read the output any more: the command meets what a real hang-up would give it (SIGPIPE, SIGHUP).
  void close_output(Channel channel);
  // Coalesced by the caller; false when it has no terminal or the size is the same.
  bool resize(const winsize& size);

  // To PID 1, after a look at whether it would take it. Before the command runs it is kept until then.
  // sender: pid of who sent it to sup.
  Effect signal(int number, std::optional<std::int64_t> sender = {});
  // signal, wait, KILL; the wait is skipped where it is useless. Again: the shorter wait counts.
  void stop(int number, std::chrono::milliseconds wait, Reason reason);
  // KILL of PID 1, and with it of everything in its pid namespace.
  void kill(Reason reason);

  // For a live upgrade (core/saved.h): once the command runs, as long as it has not ended. What was saved goes on in restore()'s
  // container, of another process image with the same descriptors; hooks.started is not called again. facts: id and environ.
  [[nodiscard]] bool can_save() const {
    return state_ == State::running && !outside_ && !fence_going_ && !(fence_ && fence_->freezing());
  }
  [[nodiscard]] SavedContainer save() const;
  [[nodiscard]] static Result<std::unique_ptr<Container>> restore(Loop& loop, EventLog& log, Reaper& reaper, Spec spec,
                                                                  Facts facts, SavedContainer saved, Hooks hooks);

  // done: when every process stands still (and the event is out), or why they do not. E_STATE: it does not run, or is being
  // paused already. Where it has no group yet, one is made and everything is moved in.
  void pause(std::function<void(Result<void>)> done);
  [[nodiscard]] Result<void> unpause();
  [[nodiscard]] bool paused() const { return fence_ && fence_->frozen(); }
  // Applies the changes to what runs (memory and swap together or not at all). The first that cannot be applied is the error;
  // the others are applied all the same. E_STATE: it does not run (yet).
  [[nodiscard]] Result<void> update(const Limits& changes);
  // For a process that is to belong to it (an exec), before its first instruction. Without limits it changes nothing.
  [[nodiscard]] Result<void> enclose(pid_t pid) { return fence_ ? fence_->place(pid) : Result<void>{}; }
  // What its control group counts; nullopt: it has none, which is so while nobody has limited or paused it.
  [[nodiscard]] std::optional<CgroupSample> sample() const { return fence_ ? fence_->sample() : std::nullopt; }

  [[nodiscard]] bool running() const { return state_ == State::running; }
  [[nodiscard]] bool ended() const { return state_ == State::ended; }
  // Dead: what is left is to show its last output.
  [[nodiscard]] bool dead() const { return reaped_ || state_ == State::ended; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Whose namespaces an exec enters: PID 1, or the command where init is not in its pid namespace. -1: it is no more.
  struct Inmost {
    pid_t pid = -1;
    Fd own;  // what `pidfd` is, where it was opened for this
    int pidfd = -1;
  };
  [[nodiscard]] Inmost inmost() const;
  [[nodiscard]] std::string exec_id() const { return entry_ ? entry_->id : std::string(); }
  // The name of PID 1's program, for messages.
  [[nodiscard]] std::string command_name() const;
  [[nodiscard]] const Spec& spec() const { return spec_; }
  [[nodiscard]] const Facts& facts() const { return facts_; }
  [[nodiscard]] std::uint64_t last_seq() const { return cause_; }
  // What led to it: an event's seq. Before start().
  void because(std::uint64_t seq) { cause_ = seq; }

 private:
  enum class State : std::uint8_t { created, starting, running, ended };

  [[nodiscard]] static std::uint64_t between(std::uint64_t from, std::uint64_t to) { return to > from ? to - from : 0; }
  std::uint64_t emit(decltype(Event::what) what);
  void announce();
  Result<void> begin(Wiring& wiring, int image, std::optional<Parked> parked);
  // A parked init's channel becomes ours. False: it has died meanwhile, and nothing has been begun.
  [[nodiscard]] bool go_on_with(Parked parked, const int (&stdio)[3]);
  [[nodiscard]] Result<void> make(const int (&stdio)[3], int image, Fd user_namespace = {});
  void start_over();
  [[nodiscard]] Result<void> await_maps(Wiring& wiring, const int (&stdio)[3], int image);
  void mapped();
  void give_up(Error error);
  void cloned(std::uint64_t took_us);
  void under_way(pid_t pid, Fd pidfd);
  Result<void> wire(Wiring& wiring, int (&stdio)[3]);
  // The streams and what is done with them.
  [[nodiscard]] Stream::Handlers master_handlers();
  [[nodiscard]] Stream::Handlers input_handlers();
  [[nodiscard]] Stream::Handlers output_handlers(Channel channel);
  [[nodiscard]] Stream::Handlers boot_handlers();
  // Our end is watched; gives init's.
  [[nodiscard]] Result<Fd> watch_boot();
  void keyboard_failed(int err);
  void joined(pid_t pid);
  void go();
  void linger();
  void ask_which_call();
  void explain(const wire::Record& record);
  [[nodiscard]] Error plain_error(const wire::Record& record) const;
  // Init's death before it has said anything.
  [[nodiscard]] Error ended_early() const;
  void heard(const wire::Record& record);
  void take_terminal(std::uint16_t step);
  void waiting(const wire::Record& record);
  void connect();
  [[nodiscard]] Pasta::Hooks network_hooks();
  [[nodiscard]] Result<void> raise_fence();
  void tell(const std::vector<Error>& tolerated);
  // Tells those that are new; true: there were some.
  bool count_oom();
  void watch_oom(const Limits& limits);
  [[nodiscard]] bool fence_removed();
  void boot_ended();
  void boot_failed(int err);
  void now_running();
  void read_output();
  void reaped(int status, const rusage& usage, std::uint64_t since_us);
  void take_rest();
  void output(Channel channel, std::string_view bytes);
  void settle();
  void fail(Error error);
  // root: the container's, as a directory; -1: ours, which it shares.
  [[nodiscard]] Error step_error(const wire::Record& record, int root) const;

  Loop& loop_;
  EventLog& log_;
  Reaper& reaper_;
  Spec spec_;
  Facts facts_;
  Plan plan_;
  Hooks hooks_;

  std::optional<Entry> entry_;
  bool outside_ = false;  // an entry's process that was cloned is not reaped yet
  // What a start takes, kept until an init that was parked has come to its exec: should it turn out dead, see start_over().
  struct Spare {
    Wiring wiring;
    int stdio[3];
    int image;
    std::size_t done;  // steps of the plan that were carried out in advance
  };
  std::optional<Spare> spare_;
  // An ordinary user's start whose user namespace is on its way, and what goes on then.
  struct Unmapped {
    Wiring wiring;
    int stdio[3];
    int image;
    std::unique_ptr<Mapping> mapping{};
    Result<Fd> made = Fd();
  };
  std::optional<Unmapped> unmapped_;
  bool waits_ = false;  // init is at its wait step, and has not been told to go on
  bool doomed_ = false;  // to be killed before anybody knows its pid
  std::uint16_t wait_step_ = 0;
  Timer linger_;  // an entry has ended, and somebody still holds its output
  std::unique_ptr<KillLog::Question> which_call_;  // that its filter has killed it for
  bool call_known_ = false;  // it was told, or nobody knows
  std::optional<std::string> killed_for_;
  std::unique_ptr<Aside> explaining_;

  State state_ = State::created;
  pid_t pid_ = -1;
  Fd pidfd_;
  std::unique_ptr<Fence> fence_;  // none: no control group is wanted
  std::unique_ptr<Pasta> pasta_;  // none: no network with a way out of its own is wanted
  bool fence_going_ = false;  // it has been told to go
  bool kill_sent_ = false;  // by a user
  std::uint64_t oom_kills_ = 0;  // told so far
  std::vector<Error> tolerated_;  // limits that could not be applied, with --limits best-effort; told after `starting`
  std::unique_ptr<Stream> boot_;
  std::string boot_bytes_;  // less than one record
  bool boot_ended_ = false;
  bool exec_said_ = false;
  bool reaped_ = false;
  std::optional<wire::Record> failed_;
  std::optional<int> command_status_;  // from init as PID 1
  pid_t filtered_pid_ = -1;  // the command's, where init stays and a seccomp filter may kill it
  pid_t command_pid_ = -1;  // likewise, where init guards a pid namespace that is not its own

  // A terminal that init makes, until it is there: what is to be done with it then.
  struct Awaited {
    bool raw_output = false;
    Fd master{};
    std::string input{};
    bool input_ended = false;
    bool closed = false;  // nobody reads its output
  };
  std::optional<Awaited> awaited_;
  std::unique_ptr<Stream> master_;  // with a terminal
  std::unique_ptr<Stream> in_, out_, err_;
  EofTracker eof_;
  winsize size_{};

  Timer timeout_;
  Timer grace_;
  std::optional<Reason> ending_;
  int asked_with_ = 0;  // the signal of a stop
  std::vector<std::pair<int, std::optional<std::int64_t>>> early_;  // signals before the command ran

  // The account, in microseconds of Loop::now_us().
  std::uint64_t asked_us_ = 0, cloned_us_ = 0, exec_us_ = 0, running_us_ = 0, dead_us_ = 0;
  Spans spans_;
  Usage usage_;
  Bytes bytes_;
  int wait_status_ = 0;
  std::uint64_t cause_ = 0;  // seq of our latest event
  Outcome outcome_;
};

}  // namespace sup
