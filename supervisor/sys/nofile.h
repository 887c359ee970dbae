// nofile: how many descriptors a supervisor may have; what it starts gets the caller's own limit back.
#pragma once
#include <sys/resource.h>

#include <optional>

namespace sup {

// Raises RLIMIT_NOFILE to its hard limit, or half a million where that is more. Keeps what there was, once.
void raise_nofile();

// Back to what there was: for an exec of our own program, which raises it anew.
void lower_nofile();

// What the limit was before raise_nofile(); none: it was not raised.
[[nodiscard]] const std::optional<rlimit>& original_nofile();

}  // namespace sup
