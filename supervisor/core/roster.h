// Roster: the containers that come back with their supervisor, after a restart of it or of the machine.
//
// A file each in a directory that outlives both, named by the container's id: a state as for a live upgrade (core/saved.h) with that
// one container in it, without what only a process knows. Whoever is removed leaves it; nobody else does.
#pragma once
#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "core/saved.h"

namespace sup {

class Roster {
 public:
  // The directory is made where it is missing (0700), and locked (flock(2)) as long as this lives: two supervisors would both start
  // what is in it. Error E_ROSTER: it cannot be had, is open to others or somebody else's, or another supervisor has it.
  [[nodiscard]] static Result<Roster> open(const std::string& path);

  // The one that an earlier image of this process opened, by its descriptor: a lock is not to be had anew while others may want it.
  [[nodiscard]] static Roster adopt(std::string path, Fd directory) { return {std::move(path), std::move(directory)}; }
  [[nodiscard]] int fd() const { return directory_.get(); }

  // Whole or not at all, also should the machine lose power: it waits for the disk. Error E_ROSTER.
  [[nodiscard]] Result<void> put(const SavedHeld& held) const;
  // Of what is not there nothing is said.
  void drop(const std::string& id) const;

  struct All {
    std::vector<SavedHeld> held;  // in the order they came
    std::vector<Error> damaged;  // files that say nothing; they stay as they are
  };
  [[nodiscard]] All all() const;

 private:
  Roster(std::string path, Fd directory) : path_(std::move(path)), directory_(std::move(directory)) {}
  std::string path_;
  Fd directory_;
};

}  // namespace sup
