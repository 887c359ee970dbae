// Aside: an answer on its way (sys/aside.h), for the loop.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/fd.h"
#include "core/reaper.h"
#include "loop/loop.h"
#include "loop/stream.h"
#include "loop/timer.h"

namespace sup {

// Owned by who asks; told once, never from within ask(). Destroyed earlier, nobody is told, and the asked one is killed.
class Aside {
 public:
  static constexpr std::chrono::milliseconds kPatience{2000};
  // none: no answer in time, or none at all.
  using Answered = std::function<void(std::optional<std::string>)>;

  [[nodiscard]] static Result<std::unique_ptr<Aside>> ask(Loop& loop, Reaper& reaper,
                                                          const std::function<std::string()>& question,
                                                          Answered answered);
  ~Aside();
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;

 private:
  Aside(Loop& loop, Answered answered) : answered_(std::move(answered)), late_(loop) {}
  void tell(std::optional<std::string> text);

  Answered answered_;
  Fd pidfd_;
  std::unique_ptr<Stream> answer_;
  std::string text_;
  Timer late_;
};

}  // namespace sup
