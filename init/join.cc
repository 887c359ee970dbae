#include "init/join.h"

#include "init/channel.h"

namespace sup::init {
namespace {

// Effective and permitted; the bounding set is a step of its own.
int give_up(uint64_t mask) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  long result = sys::call(__NR_capget, &header, data);
  if (result < 0) return static_cast<int>(-result);
  for (unsigned half = 0; half < 2; ++half) {
    const auto gone = static_cast<uint32_t>(mask >> (32 * half));
    data[half].effective &= ~gone;
    data[half].permitted &= ~gone;
  }
  result = sys::call(__NR_capset, &header, data);
  return result < 0 ? static_cast<int>(-result) : 0;
}

}  // namespace

int join(const Run& run, const wire::Step& step) {
  long result = sys::prctl(PR_SET_DUMPABLE, 0);
  if (result < 0) return static_cast<int>(-result);
  const int of = static_cast<int>(step.n[1]);
  // All at once: what the first of them takes away, the next could need.
  result = sys::call(__NR_setns, of, step.n[0]);
  if (result < 0) return static_cast<int>(-result);
  sys::close(of);
  // That was into the root of the mount namespace. The container's own is below it where its supervisor is in a chroot(2).
  const int root = of + 1;
  result = sys::call(__NR_fchdir, root);
  if (result >= 0) result = sys::call(__NR_chroot, ".");
  sys::close(root);
  if (result < 0) return static_cast<int>(-result);
  const int err = give_up(step.n[2]);
  if (err != 0) return err;
  // Not CLONE_VM: the two go on at the same time.
  const long child = sys::call(__NR_clone, sys::kCloneParent, nullptr, nullptr, nullptr, nullptr);
  if (child < 0) return static_cast<int>(-child);
  if (child == 0) return 0;
  say(run.boot, wire::Say::joined, run.index, 0, static_cast<uint32_t>(child));
  sys::exit(0);
}

}  // namespace sup::init
