// KillLog: for which system call a seccomp filter has killed a process, from the kernel's log.
//
// The log is long, and a kernel thread writes to it, after the death. So it is read in slices, once for all who ask at the same
// time, and then waited at for a while; when nobody asks it is closed.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "loop/loop.h"
#include "loop/nextturn.h"
#include "loop/timer.h"
#include "spec/seccomplog.h"

namespace sup {

// Owned by the Reaper.
class KillLog {
 public:
  // The call's name; none: nothing tells. Once.
  using Told = std::function<void(std::optional<std::string> call)>;

  // Owned by who asks: told no more when it goes. It may not go in its own callback.
  class Question {
   public:
    Question(const Question&) = delete;
    Question& operator=(const Question&) = delete;
    ~Question();

   private:
    friend class KillLog;
    Question(KillLog& log, pid_t pid, std::uint64_t since_us, Told told);
    KillLog* log_;  // null: it has been told
    pid_t pid_;
    std::uint64_t since_us_;
    std::uint64_t asked_us_;
    Told told_;
  };

  // open: the log, as open_kernel_log() has it.
  KillLog(Loop& loop, std::function<Fd()> open);
  KillLog(const KillLog&) = delete;
  KillLog& operator=(const KillLog&) = delete;
  ~KillLog();

  // since_us: of CLOCK_MONOTONIC, when the process began; what is older is another's of that number. Not told within this call.
  [[nodiscard]] std::unique_ptr<Question> ask(pid_t pid, std::uint64_t since_us, Told told);

 private:
  // At most so long a turn: some hundred microseconds.
  static constexpr int kSlice = 64;
  void read();
  void answer(bool at_end);
  void withdraw(const Question& question);

  std::function<Fd()> open_;
  Fd fd_;
  std::unordered_map<pid_t, SeccompKill> killed_;  // the last of each, in what was read since it was opened
  std::vector<Question*> waiting_;
  NextTurn next_;
  Timer more_;
};

}  // namespace sup
