#include "core/aside.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "sys/aside.h"
#include "sys/pidfd.h"

namespace sup {

Result<std::unique_ptr<Aside>> Aside::ask(Loop& loop, Reaper& reaper, const std::function<std::string()>& question,
                                          Answered answered) {
  auto asked = ask_aside(question);
  if (!asked) return std::unexpected(asked.error());
  std::unique_ptr<Aside> aside(new Aside(loop, std::move(answered)));
  // Not reaped before the loop turns, so the number is still its own.
  aside->pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, asked->pid, 0)));
  reaper.watch(asked->pid, [](int, const rusage&, std::uint64_t) {});
  auto stream = Stream::open(loop, std::move(asked->answer),
                             {.on_data = [a = aside.get()](std::string_view bytes) { a->text_.append(bytes); },
                              .on_end = [a = aside.get()](int) { a->tell(std::move(a->text_)); }});
  if (!stream) return std::unexpected(stream.error());
  aside->answer_ = std::move(*stream);
  aside->answer_->read_start();
  aside->late_.start(kPatience, [a = aside.get()] { a->tell(std::nullopt); });
  return aside;
}

Aside::~Aside() {
  if (pidfd_) (void)pidfd_signal(pidfd_.get(), SIGKILL);
}

void Aside::tell(std::optional<std::string> text) {
  late_.stop();
  // The last thing done here: who hears it may bury us.
  if (answered_) std::exchange(answered_, {})(std::move(text));
}

}  // namespace sup
