// Notify: what a service manager is told, by sd_notify(3)'s protocol; without libsystemd.
#pragma once
#include <string_view>

namespace sup {

// "READY=1", "STOPPING=1\nSTATUS=…". Does nothing where $NOTIFY_SOCKET names nobody; never waits, never fails: a manager that does not
// listen is its own trouble.
void notify_manager(std::string_view state);

}  // namespace sup
