// Kernellog: the kernel's own log, /dev/kmsg.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "spec/seccomplog.h"

namespace sup {

// From its oldest record on, a read(2) a record, never blocking. None: it is not ours to read (dmesg_restrict), or we have pids
// of our own (a container's), which are not those that it names.
[[nodiscard]] Fd open_kernel_log();

// So many records; some thousands are in it, or some hundred thousands (log_buf_len=). True: there may be more at once.
[[nodiscard]] bool read_kernel_log(int log, int most, const std::function<void(std::string_view record)>& each);

// The name of the system call, "170" where it has none.
[[nodiscard]] std::string call_name(const SeccompKill& kill);

}  // namespace sup
