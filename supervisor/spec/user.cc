#include "spec/user.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace sup {
namespace {

struct Account {
  std::string_view name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string_view home;
};

struct Group {
  std::string_view name;
  gid_t gid = 0;
  std::string_view members;   // comma separated
};

// 4294967295 is (uid_t)-1, "leave it as it is" to setresuid(2): taken for an id it would keep root.
std::optional<std::uint32_t> parse_id(std::string_view text) {
  const auto id = parse_unsigned<std::uint32_t>(text);
  if (!id || *id == UINT32_MAX) return std::nullopt;
  return id;
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// The fields of a line that can be one of ours: a name that is not NIS's "+" or "-" and no NUL.
std::vector<std::string_view> fields_of(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty() || line[0] == '#' || line[0] == '+' || line[0] == '-' || line[0] == ':') return {};
  if (line.find('\0') != std::string_view::npos) return {};
  return split(line, ':');
}

std::vector<Account> parse_passwd(std::string_view text) {
  std::vector<Account> accounts;
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = fields_of(line);
    if (fields.size() < 4) continue;
    const auto uid = parse_id(fields[2]);
    const auto gid = parse_id(fields[3]);
    if (!uid || !gid) continue;
    accounts.push_back({fields[0], *uid, *gid, fields.size() > 5 ? fields[5] : std::string_view()});
  }
  return accounts;
}

std::vector<Group> parse_group(std::string_view text) {
  std::vector<Group> groups;
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = fields_of(line);
    if (fields.size() < 3) continue;
    const auto gid = parse_id(fields[2]);
    if (!gid) continue;
    groups.push_back({fields[0], *gid, fields.size() > 3 ? fields[3] : std::string_view()});
  }
  return groups;
}

std::unexpected<Error> refuse(std::string_view text, std::string why, std::string hint) {
  Error error;
  error.code = "E_USER";
  error.where = "--user";
  error.what = std::string(text);
  error.why = std::move(why);
  error.hint = std::move(hint);
  error.stage = "user";
  return std::unexpected(std::move(error));
}

}  // namespace

Result<User> resolve_user(std::string_view text, std::string_view passwd, std::string_view group) {
  const std::size_t colon = text.find(':');
  const std::string_view who = text.substr(0, colon);
  const bool with_group = colon != std::string_view::npos;
  const std::string_view of = with_group ? text.substr(colon + 1) : std::string_view();
  if (who.empty() || (with_group && of.empty()) || of.find(':') != std::string_view::npos) {
    return refuse(text, "is neither USER nor USER:GROUP", "write names or numbers, such as 1000 or www-data:www-data");
  }

  User user;
  const std::vector<Account> accounts = parse_passwd(passwd);
  auto account = accounts.end();
  if (all_digits(who)) {
    const auto uid = parse_id(who);
    if (!uid) return refuse(who, "no such uid", "uids go from 0 to 4294967294");
    user.uid = *uid;
    account = std::ranges::find(accounts, *uid, &Account::uid);
  } else {
    account = std::ranges::find(accounts, who, &Account::name);
    if (account == accounts.end()) {
      return refuse(who, "no such user in /etc/passwd", "give a user that is there, or a number");
    }
  }
  if (account != accounts.end()) {
    user.uid = account->uid;
    user.gid = account->gid;
    user.name = std::string(account->name);
    if (!account->home.empty()) user.home = std::string(account->home);
  }

  const std::vector<Group> groups = parse_group(group);
  if (with_group) {
    if (all_digits(of)) {
      const auto gid = parse_id(of);
      if (!gid) return refuse(of, "no such gid", "gids go from 0 to 4294967294");
      user.gid = *gid;
    } else {
      const auto named = std::ranges::find(groups, of, &Group::name);
      if (named == groups.end()) {
        return refuse(of, "no such group in /etc/group", "give a group that is there, or a number");
      }
      user.gid = named->gid;
    }
  }
  // The gid itself belongs in the list, as initgroups(3) has it: else "deny this group" permissions could be
  // stepped around by a set-group-id program (CVE-2022-36109).
  user.groups.push_back(user.gid);
  if (!with_group && !user.name.empty()) {
    for (const Group& candidate : groups) {
      const auto members = split(candidate.members, ',');
      if (std::ranges::find(members, std::string_view(user.name)) == members.end()) continue;
      if (std::ranges::find(user.groups, candidate.gid) == user.groups.end()) user.groups.push_back(candidate.gid);
    }
  }
  return user;
}

Result<User> resolve_user(std::string_view text, const std::vector<std::string>& more, std::string_view passwd,
                          std::string_view group) {
  auto user = resolve_user(text, passwd, group);
  if (!user || more.empty()) return user;
  const std::vector<Group> groups = parse_group(group);
  for (const std::string& name : more) {
    auto gid = all_digits(name) ? parse_id(name) : std::nullopt;
    if (const auto named = std::ranges::find(groups, std::string_view(name), &Group::name);
        !gid && named != groups.end())
      gid = named->gid;
    if (!gid) {
      auto refused = refuse(name, all_digits(name) ? "no such gid" : "no such group in /etc/group",
                            "give a group that is there, or a number");
      refused.error().where = "--group-add";
      return refused;
    }
    if (std::ranges::find(user->groups, *gid) == user->groups.end()) user->groups.push_back(*gid);
  }
  return user;
}

}  // namespace sup
