#include "init/park.h"

#include "init/channel.h"

namespace sup::init {
namespace {

constexpr int kGiven = 3;   // 0, 1 and 2
constexpr int kProtReadWrite = 3;
constexpr int kMapPrivateAnonymous = 0x22;

// Where most plans have room: in memory by the time that one comes, which a mapping would not be.
constexpr size_t kRoom = 8192;
alignas(8) unsigned char room[kRoom];

// The record, with the descriptors that come with its first byte. 0, EPIPE at the end of the stream, or the errno: EAGAIN where
// flags say not to wait, and nothing has come.
int hear_with(int boot, wire::Record& record, int (&fds)[kGiven], unsigned flags) {
  struct {
    sys::CMsg head;
    int fds[kGiven];
    int pad;
  } control = {};
  constexpr size_t kSize = sizeof(sys::CMsg) + sizeof fds;
  sys::IoVec bytes = {&record, sizeof record};
  sys::MsgHdr message = {nullptr, 0, 0, &bytes, 1, &control, sizeof control, 0, 0};
  long n = 0;
  do {
    n = sys::call(__NR_recvmsg, boot, &message, flags);
  } while (n == -EINTR);
  if (n < 0) return static_cast<int>(-n);
  if (n == 0) return EPIPE;
  if ((message.flags & sys::kMsgCtrunc) != 0) return EMFILE;  // not all of them had room
  if (control.head.level != sys::kSolSocket || control.head.type != sys::kScmRights || control.head.size != kSize)
    return EPROTO;
  for (int i = 0; i < kGiven; ++i) fds[i] = control.fds[i];
  return hear(boot, reinterpret_cast<unsigned char*>(&record) + n, sizeof record - static_cast<size_t>(n));
}

// The plan, which comes behind the record.
int take(Run& run, size_t size, uint16_t next) {
  if (size < sizeof(wire::Header) || size > wire::kMaxPlan) return EBADMSG;
  unsigned char* block = room;
  if (size > kRoom) {
    const long result = sys::call(__NR_mmap, nullptr, size, kProtReadWrite, kMapPrivateAnonymous, -1, 0);
    if (result < 0 && result > -4096) return static_cast<int>(-result);
    block = reinterpret_cast<unsigned char*>(result);
  }
  if (const int err = hear(run.boot, block, size); err != 0) return err;
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
  wire::Record answer{};
  int fds[kGiven] = {-1, -1, -1};
  // Who is made for a start that is under way finds it here already, and need not wake the supervisor for a word of no use.
  int err = hear_with(run.boot, answer, fds, sys::kMsgDontWait);
  if (err == EAGAIN) {
    for (size_t i = 0; i < kRoom; i += 4096) *static_cast<volatile unsigned char*>(room + i) = 0;
    err = say(run.boot, wire::Say::parked, run.index);
    if (err == 0) err = hear_with(run.boot, answer, fds, 0);
  }
  if (err == 0) {
    // The kernel gives the lowest free numbers, in order.
    const bool go = answer.say == static_cast<uint16_t>(wire::Say::go) && fds[0] == 0 && fds[1] == 1 && fds[2] == 2;
    err = go ? take(run, answer.value, answer.step) : EPROTO;
  }
  // The supervisor has gone, or has no use for this one: nobody to tell.
  if (err == EPIPE || err == ECONNRESET) sys::exit(kExitSetup);
  return err;
}

}  // namespace sup::init
