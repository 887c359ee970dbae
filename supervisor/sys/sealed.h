// Sealed memory files: what init is handed (its own image, its plan) cannot be changed by anyone.
#pragma once
#include <cstddef>
#include <span>

#include "base/error.h"
#include "base/fd.h"

namespace sup {

enum class Executable : bool { no, yes };

// A memfd_create(2) file with these bytes, sealed against write, grow, shrink and further seals; CLOEXEC.
// Executable::yes asks for MFD_EXEC where the kernel knows it (6.3); vm.memfd_noexec=2 refuses that (EACCES).
[[nodiscard]] Result<Fd> sealed_memfd(const char* name, std::span<const std::byte> bytes, Executable executable);

}  // namespace sup
