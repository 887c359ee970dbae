#include "sys/seccompfile.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/text.h"
#include "spec/capabilities.h"

namespace sup {
namespace {

using Json = nlohmann::json;

std::unexpected<Error> wrong(std::string what, std::string why, std::string hint = {}) {
  return std::unexpected(Error{.code = "E_SECCOMP",
                               .where = "seccomp profile",
                               .what = std::move(what),
                               .err = 0,
                               .why = std::move(why),
                               .hint = std::move(hint),
                               .path = {},
                               .stage = "seccomp"});
}

struct Context {
  explicit Context(std::uint32_t otherwise) : filter(seccomp_init(otherwise), &seccomp_release) {}
  std::unique_ptr<void, void (*)(scmp_filter_ctx)> filter;
};

// What libseccomp 2.5 has no name for yet; the numbers are the same on every machine, but for what only one has.
int newer(std::string_view name) {
#if defined(__x86_64__)
  if (name == "uretprobe") return 335;
#endif
  constexpr std::array kFrom451{"cachestat",         "fchmodat2",         "map_shadow_stack", "futex_wake",
                                "futex_wait",        "futex_requeue",     "statmount",        "listmount",
                                "lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules", "mseal",
                                "setxattrat",        "getxattrat",        "listxattrat",      "removexattrat",
                                "open_tree_attr",    "file_getattr",      "file_setattr"};
  const auto* const at = std::ranges::find(kFrom451, name);
  return at == kFrom451.end() ? __NR_SCMP_ERROR : 451 + static_cast<int>(at - kFrom451.begin());
}

std::optional<std::string> text_of(const Json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_string()) return std::nullopt;
  return at->get<std::string>();
}

std::optional<std::uint64_t> number_of(const Json& object, const char* key) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_number_unsigned()) return std::nullopt;
  return at->get<std::uint64_t>();
}

Result<std::uint32_t> action_of(const Json& object, const char* action, const char* number, const std::string& where) {
  const auto name = text_of(object, action);
  if (!name)
    return wrong(where, std::string(action) + " is missing",
                 "SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, SCMP_ACT_KILL_PROCESS, …");
  const auto errno_ret = number_of(object, number);
  if (errno_ret && *errno_ret > 4095) return wrong(where, std::string(number) + " is no errno");
  const auto code = static_cast<std::uint16_t>(errno_ret.value_or(EPERM));
  if (*name == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  if (*name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(code);
  if (*name == "SCMP_ACT_KILL" || *name == "SCMP_ACT_KILL_THREAD") return SCMP_ACT_KILL_THREAD;
  if (*name == "SCMP_ACT_KILL_PROCESS") return SCMP_ACT_KILL_PROCESS;
  if (*name == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
  if (*name == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
  if (*name == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(code);
  return wrong(
      where, printable(*name) + (*name == "SCMP_ACT_NOTIFY" ? " needs an agent, which sup has not" : " is no action"));
}

Result<scmp_compare> compare_of(const std::string& name, const std::string& where) {
  constexpr std::array<std::pair<std::string_view, scmp_compare>, 7> kCompare{
      {{"SCMP_CMP_NE", SCMP_CMP_NE},
       {"SCMP_CMP_LT", SCMP_CMP_LT},
       {"SCMP_CMP_LE", SCMP_CMP_LE},
       {"SCMP_CMP_EQ", SCMP_CMP_EQ},
       {"SCMP_CMP_GE", SCMP_CMP_GE},
       {"SCMP_CMP_GT", SCMP_CMP_GT},
       {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}}};
  for (const auto& [known, op] : kCompare) {
    if (name == known) return op;
  }
  return wrong(where, printable(name) + " is no comparison");
}

class Compiler {
 public:
  explicit Compiler(std::uint64_t capabilities) : capabilities_(capabilities) {}

  Result<Filter> compile(const Json& profile) {
    auto otherwise = action_of(profile, "defaultAction", "defaultErrnoRet", "profile");
    if (!otherwise) return std::unexpected(otherwise.error());
    otherwise_ = *otherwise;
    Context context(otherwise_);
    if (!context.filter) return wrong("profile", "libseccomp cannot begin a filter");
    if (auto r = architectures(context, profile); !r) return std::unexpected(r.error());
    const auto rules = profile.find("syscalls");
    if (rules != profile.end() && !rules->is_null()) {
      if (!rules->is_array()) return wrong("syscalls", "must be an array");
      std::size_t index = 0;
      for (const Json& rule : *rules) {
        if (auto r = add(context, rule, "syscalls/" + std::to_string(index++)); !r) return std::unexpected(r.error());
      }
    }
    return take_out(context);
  }

 private:
  static Result<void> architecture(const Context& context, const std::string& name) {
    std::string word = name;
    if (word.starts_with("SCMP_ARCH_")) word.erase(0, 10);
    for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const std::uint32_t token = seccomp_arch_resolve_name(word.c_str());
    if (token == 0) return wrong("architectures", printable(name) + " is no architecture");
    const int r = seccomp_arch_add(context.filter.get(), token);
    // Of another byte order or word size: its programs do not run here.
    if (r == 0 || r == -EEXIST || r == -EDOM) return {};
    return wrong("architectures", printable(name) + " cannot be added");
  }

  static Result<void> architectures(const Context& context, const Json& profile) {
    const auto each = [&](const Json& list) -> Result<void> {
      if (!list.is_array()) return wrong("architectures", "must be an array");
      for (const Json& one : list) {
        if (!one.is_string()) return wrong("architectures", "must be an array of names");
        if (auto r = architecture(context, one.get<std::string>()); !r) return r;
      }
      return {};
    };
    if (const auto list = profile.find("architectures"); list != profile.end() && !list->is_null()) return each(*list);
    const auto map = profile.find("archMap");
    if (map == profile.end() || !map->is_array()) return {};
    for (const Json& entry : *map) {
      const auto main = entry.is_object() ? text_of(entry, "architecture") : std::nullopt;
      if (!main) return wrong("archMap", "needs an architecture in each entry");
      std::string word = *main;
      if (word.starts_with("SCMP_ARCH_")) word.erase(0, 10);
      for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      if (seccomp_arch_resolve_name(word.c_str()) != seccomp_arch_native()) continue;
      if (const auto others = entry.find("subArchitectures"); others != entry.end() && !others->is_null())
        return each(*others);
    }
    return {};
  }

  // docker's conditions on a rule. To be included all kinds must hold, with every capability and one of the machines; one of all
  // that is named excludes it.
  [[nodiscard]] bool holds(const Json& when, bool inclusive) const {
    const auto listed = [&when](const char* key, const auto& is, bool each) -> std::optional<bool> {
      const auto list = when.find(key);
      if (list == when.end() || !list->is_array() || list->empty()) return std::nullopt;
      const auto one = [&is](const Json& name) { return name.is_string() && is(name.get<std::string>()); };
      return each ? std::ranges::all_of(*list, one) : std::ranges::any_of(*list, one);
    };
    const auto has = [this](const std::string& name) {
      const auto number = capability_number(name);
      return number && (capabilities_ >> *number & 1) != 0;
    };
    const auto here = [](const std::string& name) {
      utsname machine{};
      ::uname(&machine);
      return name == (std::strcmp(machine.machine, "x86_64") == 0    ? "amd64"
                      : std::strcmp(machine.machine, "aarch64") == 0 ? "arm64"
                                                                     : machine.machine);
    };
    const auto capabilities = listed("caps", has, inclusive);
    const auto machines = listed("arches", here, false);
    std::optional<bool> kernel;
    if (const auto least = text_of(when, "minKernel")) kernel = at_least(*least);
    if (inclusive) return capabilities.value_or(true) && machines.value_or(true) && kernel.value_or(true);
    return capabilities.value_or(false) || machines.value_or(false) || kernel.value_or(false);
  }

  static bool at_least(const std::string& wanted) {
    const auto version = [](const char* text) {
      unsigned major = 0;
      unsigned minor = 0;
      return std::sscanf(text, "%u.%u", &major, &minor) == 2 ? std::pair(major, minor) : std::pair(~0U, 0U);
    };
    utsname machine{};
    ::uname(&machine);
    return version(machine.release) >= version(wanted.c_str());
  }

  Result<void> add(const Context& context, const Json& rule, const std::string& where) {
    if (!rule.is_object()) return wrong(where, "must be an object");
    if (const auto when = rule.find("includes"); when != rule.end() && when->is_object() && !holds(*when, true))
      return {};
    if (const auto when = rule.find("excludes"); when != rule.end() && when->is_object() && holds(*when, false))
      return {};
    const auto action = action_of(rule, "action", "errnoRet", where);
    if (!action) return std::unexpected(action.error());
    if (*action == otherwise_) return {};
    std::vector<scmp_arg_cmp> conditions;
    if (auto r = arguments(rule, where, conditions); !r) return r;

    std::vector<std::string> names;
    if (const auto name = text_of(rule, "name")) names.push_back(*name);
    if (const auto list = rule.find("names"); list != rule.end() && !list->is_null()) {
      if (!list->is_array()) return wrong(where + "/names", "must be an array");
      for (const Json& name : *list) {
        if (!name.is_string()) return wrong(where + "/names", "must be an array of names");
        names.push_back(name.get<std::string>());
      }
    }
    if (names.empty()) return wrong(where, "names no system call");
    for (const std::string& name : names) {
      int number = seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) number = newer(name);
      if (number == __NR_SCMP_ERROR) {
        const bool forbids = *action != SCMP_ACT_ALLOW && *action != SCMP_ACT_LOG;
        if (forbids && otherwise_ == SCMP_ACT_ALLOW)
          return wrong(where, printable(name) + " is no system call that sup knows",
                       "correct it, or list what is allowed");
        continue;
      }
      if (auto r = add_one(context, number, *action, conditions); r != 0 && r != -EDOM) {
        return wrong(where, printable(name) + ": libseccomp refuses the rule: " + std::strerror(-r));
      }
    }
    return {};
  }

  // libseccomp takes an argument once a rule. As in runc, conditions on the same one are then alternatives.
  static int add_one(const Context& context, int number, std::uint32_t action,
                     const std::vector<scmp_arg_cmp>& conditions) {
    std::array<int, 6> uses{};
    for (const scmp_arg_cmp& one : conditions) ++uses[one.arg];
    if (std::ranges::all_of(uses, [](int n) { return n < 2; })) {
      return seccomp_rule_add_array(context.filter.get(), action, number, static_cast<unsigned>(conditions.size()),
                                    conditions.data());
    }
    for (const scmp_arg_cmp& one : conditions) {
      if (const int r = seccomp_rule_add_array(context.filter.get(), action, number, 1, &one); r != 0 && r != -EEXIST)
        return r;
    }
    return 0;
  }

  static Result<void> arguments(const Json& rule, const std::string& where, std::vector<scmp_arg_cmp>& out) {
    const auto list = rule.find("args");
    if (list == rule.end() || list->is_null()) return {};
    if (!list->is_array()) return wrong(where + "/args", "must be an array");
    for (const Json& one : *list) {
      if (!one.is_object()) return wrong(where + "/args", "must be an array of objects");
      const auto index = number_of(one, "index");
      const auto value = number_of(one, "value");
      const auto op = text_of(one, "op");
      if (!index || *index > 5) return wrong(where + "/args", "index must be 0 to 5");
      if (!value) return wrong(where + "/args", "value must be a whole number");
      if (!op) return wrong(where + "/args", "op is missing");
      const auto compare = compare_of(*op, where + "/args");
      if (!compare) return std::unexpected(compare.error());
      scmp_arg_cmp condition{static_cast<unsigned>(*index), *compare, *value, number_of(one, "valueTwo").value_or(0)};
      // OCI has the mask first; so has libseccomp.
      out.push_back(condition);
    }
    return {};
  }

  // 2.5 writes to a descriptor only.
  static Result<Filter> take_out(const Context& context) {
    const Fd file(::memfd_create("sup-seccomp", MFD_CLOEXEC));
    if (!file)
      return std::unexpected(Error{.code = "E_FDS",
                                   .where = "seccomp profile",
                                   .what = "cannot be compiled",
                                   .err = errno,
                                   .why = {},
                                   .hint = {},
                                   .path = {},
                                   .stage = "seccomp"});
    if (const int r = seccomp_export_bpf(context.filter.get(), file.get()); r != 0)
      return wrong("profile", "libseccomp cannot compile it: " + std::string(std::strerror(-r)));
    const off_t size = ::lseek(file.get(), 0, SEEK_END);
    Filter filter(static_cast<std::size_t>(size) / sizeof(sock_filter));
    if (size <= 0 || ::pread(file.get(), filter.data(), static_cast<std::size_t>(size), 0) != size)
      return wrong("profile", "libseccomp has written no filter");
    if (filter.size() > BPF_MAXINSNS) {
      return wrong("profile",
                   "makes " + std::to_string(filter.size()) + " instructions, and the kernel takes " +
                       std::to_string(BPF_MAXINSNS),
                   "take fewer architectures or conditions");
    }
    return filter;
  }

  std::uint64_t capabilities_;
  std::uint32_t otherwise_ = 0;
};

}  // namespace

Result<Filter> compile_seccomp(std::string_view text, std::uint64_t capabilities) {
  const Json profile = Json::parse(text, nullptr, false);
  if (profile.is_discarded()) return wrong("profile", "is not JSON");
  if (!profile.is_object()) return wrong("profile", "must be an object");
  return Compiler(capabilities).compile(profile);
}

}  // namespace sup
