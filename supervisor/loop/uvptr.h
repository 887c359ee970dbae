// UvPtr: the right to close a libuv handle. uv_close(3) is asynchronous, so the handle lives on the
// heap by itself: giving it up nulls `data` (trampolines then return at once), closes, and frees in
// the close callback.
#pragma once
#include <uv.h>

#include <memory>

namespace sup {

template <typename H>
struct UvClose {
  void operator()(H* handle) const noexcept {
    handle->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle), [](uv_handle_t* h) { delete reinterpret_cast<H*>(h); });
  }
};

// Wrap only after the handle's uv_*_init succeeded: closing one that never was is undefined.
template <typename H>
using UvPtr = std::unique_ptr<H, UvClose<H>>;

}  // namespace sup
