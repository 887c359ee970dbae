#include "init/park.h"

#include <asm/stat.h>

#include "init/channel.h"

namespace sup::init {
namespace {

constexpr int kGiven = 4;   // 0, 1, 2 and the plan
constexpr unsigned kTypeMask = 0170000;
constexpr unsigned kRegular = 0100000;
constexpr int kProtReadWrite = 3;
constexpr int kMapPrivate = 2;

// The record, with the descriptors that come with its first byte. 0, EPIPE at the end of the stream, or the errno.
int hear_with(int boot, wire::Record& record, int (&fds)[kGiven]) {
  struct {
    sys::CMsg head;
    int fds[kGiven];
  } control = {};
  sys::IoVec bytes = {&record, sizeof record};
  sys::MsgHdr message = {nullptr, 0, 0, &bytes, 1, &control, sizeof control, 0, 0};
  long n = 0;
  do {
    n = sys::call(__NR_recvmsg, boot, &message, 0);
  } while (n == -EINTR);
  if (n < 0) return static_cast<int>(-n);
  if (n == 0) return EPIPE;
  if ((message.flags & sys::kMsgCtrunc) != 0) return EMFILE;   // not all of them had room
  if (control.head.level != sys::kSolSocket || control.head.type != sys::kScmRights ||
      control.head.size != sizeof control) {
    return EPROTO;
  }
  for (int i = 0; i < kGiven; ++i) fds[i] = control.fds[i];
  auto* to = reinterpret_cast<unsigned char*>(&record);
  for (auto done = static_cast<size_t>(n); done < sizeof record;) {
    n = sys::recv(boot, to + done, sizeof record - done, 0);
    if (n == -EINTR) continue;
    if (n < 0) return static_cast<int>(-n);
    if (n == 0) return EPIPE;
    done += static_cast<size_t>(n);
  }
  return 0;
}

int take(Run& run, int plan, uint16_t next) {
  struct stat file = {};
  long result = sys::call(__NR_fstat, plan, &file);
  if (result < 0) return static_cast<int>(-result);
  const auto size = static_cast<size_t>(file.st_size);
  if ((file.st_mode & kTypeMask) != kRegular || size < sizeof(wire::Header) || size > wire::kMaxPlan) return EBADMSG;
  result = sys::call(__NR_mmap, nullptr, size, kProtReadWrite, kMapPrivate, plan, 0);
  if (result < 0 && result > -4096) return static_cast<int>(-result);
  sys::close(plan);
  auto* const block = reinterpret_cast<unsigned char*>(result);
  const Flaw flaw = prepare(block, size);
  if (flaw.err != 0) {
    run.index = flaw.step;
    return flaw.err;
  }
  // Behind the parked steps, and never nothing: the last step is the command.
  if (next == 0 || next >= reinterpret_cast<const wire::Header*>(block)->count) return EPROTO;
  run.block = block;
  run.size = size;
  run.index = static_cast<uint16_t>(next - 1);
  return 0;
}

}  // namespace

int park(Run& run) {
  // What init was started with is the supervisor's own; the command's take these numbers.
  long result = sys::close_range(0, static_cast<unsigned>(run.boot) - 1);
  if (result >= 0) result = sys::close_range(static_cast<unsigned>(run.boot) + 1, ~0U);
  if (result < 0) return static_cast<int>(-result);
  int err = say(run.boot, wire::Say::wait, run.index);
  wire::Record answer{};
  int fds[kGiven] = {-1, -1, -1, -1};
  if (err == 0) err = hear_with(run.boot, answer, fds);
  // The supervisor has gone, or has no use for this one: nobody to tell.
  if (err == EPIPE || err == ECONNRESET) sys::exit(kExitSetup);
  if (err != 0) return err;
  // The kernel gives the lowest free numbers, in order.
  if (answer.say != static_cast<uint16_t>(wire::Say::go) || fds[0] != 0 || fds[1] != 1 || fds[2] != 2) return EPROTO;
  return take(run, fds[3], answer.step);
}

}  // namespace sup::init
