// A run in the words of its peers: unshare's, bwrap's and docker's command lines, and an OCI configuration.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "plan_cases.h"
#include "spec/mount.h"
#include "spec/peers.h"

using namespace sup;
using namespace sup::test;

BOOST_AUTO_TEST_SUITE(spec_peers)

Rendering rendered(Peer peer, const Facts& facts, const std::function<void(Spec&)>& change = nullptr) {
  Spec spec;
  spec.argv = {"ls", "-l"};
  if (change) change(spec);
  return render(spec, facts, peer).value();
}

bool notes_mention(const Rendering& rendering, std::string_view what) {
  return std::ranges::any_of(rendering.notes,
                             [&](const std::string& note) { return note.find(what) != std::string::npos; });
}

const std::string kBounding =
    "--bounding-set=-linux_immutable,-sys_module,-sys_rawio,-sys_boot,-sys_time,-audit_control,-mac_override,-mac_"
    "admin,"
    "-syslog,-wake_alarm,-block_suspend,-audit_read,-perfmon,-bpf";

BOOST_AUTO_TEST_CASE(unshare_lines) {
  BOOST_TEST(
      rendered(Peer::unshare, root_facts()).text ==
      "unshare --mount --propagation=slave --pid --uts --ipc --net --fork --kill-child=KILL --mount-proc --wd=/job -- "
      "sh -c 'hostname \"$1\" && ip link set lo up && shift && exec \"$@\"' sh 0123456789ab "
      "setpriv " +
          kBounding + " --inh-caps=-all --ambient-caps=-all env container=sup ls -l");
  BOOST_TEST(
      rendered(Peer::unshare, user_facts(), [](Spec& s) { s.privileged = true, s.network = Network::host; }).text ==
      "unshare --user --map-user=1000 --map-group=1001 --keep-caps --mount --propagation=slave --pid --uts --ipc "
      "--fork --kill-child=KILL --mount-proc --wd=/job -- sh -c 'hostname \"$1\" && shift && exec \"$@\"' sh "
      "0123456789ab setpriv --inh-caps=-all --ambient-caps=-all env container=sup ls -l");
  const auto user = rendered(Peer::unshare, root_facts(), [](Spec& s) {
    s.user = "bob", s.clear_env = true, s.env = {{"-X", "1"}}, s.argv = {"a=b"}, s.init = true;
  });
  BOOST_TEST(user.text.find(" --reuid=1000 --regid=1001 --groups=1001,4,44 ") != std::string::npos);
  BOOST_TEST(user.text.ends_with(" HOME=/home/bob -X=1 container=sup sh -c 'exec \"$@\"' sh a=b"), user.text);
  BOOST_TEST(user.text.find(" env -i -- PATH=") != std::string::npos);
  BOOST_TEST(notes_mention(user, "--init"));
}

BOOST_AUTO_TEST_CASE(bwrap_lines) {
  BOOST_TEST(rendered(Peer::bwrap, user_facts()).text ==
             "bwrap --unshare-user --uid 1000 --gid 1001 --unshare-pid --unshare-uts --unshare-ipc --unshare-net "
             "--dev-bind / / --proc /proc --hostname 0123456789ab --chdir /job --die-with-parent --as-pid-1 "
             "--setenv container sup -- ls -l");
  const auto root =
      rendered(Peer::bwrap, root_facts(), [](Spec& s) { s.init = true, s.env = {{"TERM", {}}, {"A", "1"}}; });
  BOOST_TEST(root.text ==
             "bwrap --unshare-pid --unshare-uts --unshare-ipc --unshare-net --dev-bind / / --proc /proc "
             "--hostname 0123456789ab --chdir /job --die-with-parent --cap-add ALL -- setpriv " +
                 kBounding + " env A=1 container=sup ls -l");
  BOOST_TEST(notes_mention(root, "no_new_privs"));
}

BOOST_AUTO_TEST_CASE(docker_lines) {
  const auto full = rendered(Peer::docker, root_facts(), [](Spec& s) {
    s.tty = s.interactive = s.init = true, s.user = "bob", s.workdir = "/w", s.hostname = "h", s.name = "n";
    s.env = {{"A", "b c"}, {"B", {}}}, s.stop_signal = 2, s.stop_timeout = std::chrono::milliseconds(1500);
    s.sig_proxy = false, s.timeout = std::chrono::seconds(1), s.preserve_fds = 1;
  });
  BOOST_TEST(full.text ==
             "docker run --rm -i -t --init --name n --hostname h --network none --user bob --workdir /w -e 'A=b c' "
             "-e B -e container=sup --stop-signal SIGINT --stop-timeout 2 --sig-proxy=false IMAGE ls -l");
  for (const char* what : {"IMAGE", "--timeout", "descriptors"}) BOOST_TEST(notes_mention(full, what), what);
}

BOOST_AUTO_TEST_CASE(published_ports_in_dockers_words) {
  const auto docker = rendered(Peer::docker, root_facts(), [](Spec& s) {
    s.network = Network::pasta;
    s.publish = {{"", 8080, 80, false}, {"::1", 53, 53, true}};
  });
  BOOST_TEST(docker.text.find("--network bridge -p 8080:80 -p '[::1]:53:53/udp' ") != std::string::npos, docker.text);
  const auto bwrap = rendered(Peer::bwrap, root_facts(), [](Spec& s) { s.network = Network::pasta; });
  BOOST_TEST(bwrap.text.find("--unshare-net") != std::string::npos, bwrap.text);
  BOOST_TEST(notes_mention(bwrap, "pasta --config-net -t none -u none"));
}

BOOST_AUTO_TEST_CASE(oci_configurations) {
  const auto root =
      nlohmann::json::parse(rendered(Peer::oci, root_facts(), [](Spec& s) { s.user = "bob", s.tty = true; }).text);
  BOOST_TEST(root["ociVersion"] == "1.0.2");
  BOOST_TEST(root["process"]["terminal"] == true);
  BOOST_TEST((root["process"]["user"]["additionalGids"] == nlohmann::json{1001, 4, 44}));
  BOOST_TEST((root["process"]["args"] == nlohmann::json{"ls", "-l"}));
  BOOST_TEST(root["process"]["capabilities"]["effective"].empty());
  BOOST_TEST(root["process"]["capabilities"]["bounding"].size() == 41U - 14U);
  BOOST_TEST(root["linux"]["namespaces"].size() == 5U);
  BOOST_TEST(!root["linux"].contains("uidMappings"));
  // Without it a runtime writes into the host's /dev.
  BOOST_TEST(root["mounts"][0]["destination"] == "/dev");
  BOOST_TEST(root["mounts"][0]["type"] == "bind");
  const auto text = rendered(Peer::oci, user_facts(), [](Spec& s) { s.user = "7:8", s.argv = {"\xFF"}; });
  const auto user = nlohmann::json::parse(text.text);
  BOOST_TEST(user["linux"]["uidMappings"][0]["containerID"] == 7);
  BOOST_TEST(user["linux"]["uidMappings"][0]["size"] == 1);
  BOOST_TEST(user["linux"]["namespaces"].size() == 6U);
  BOOST_TEST(notes_mention(text, "U+FFFD"));
}

// A root, and one of everything that is mounted in it.
void furnish_root(Spec& spec) {
  spec.rootfs = "/srv/root";
  spec.read_only = true;
  spec.shm_size = 1U << 20;
  spec.mounts = {parse_volume("/data:/mnt/data:ro,nosuid").value(), parse_volume("/new:/new:create").value(),
                 parse_tmpfs("/run:size=64m,mode=755").value(), parse_device("/dev/fuse").value()};
}

Facts facts_of_root(Facts facts) {
  facts.rootfs = "/srv/root";
  return facts;
}

BOOST_AUTO_TEST_CASE(a_root_of_its_own_in_bwraps_words) {
  const auto text = rendered(Peer::bwrap, facts_of_root(user_facts()), furnish_root).text;
  BOOST_TEST(
      text.starts_with(
          "bwrap --unshare-user --uid 0 --gid 0 --unshare-pid --unshare-uts --unshare-ipc --unshare-net "
          "--bind /srv/root / --bind /new /new --perms 755 --size 67108864 --tmpfs /run --ro-bind /data /mnt/data "
          "--proc /proc --ro-bind /sys /sys --dev /dev --mqueue /dev/mqueue --perms 1777 --size 1048576 --tmpfs /dev/shm "
          "--dev-bind /dev/fuse /dev/fuse --remount-ro / --hostname 0123456789ab --chdir / "),
      text);
  BOOST_TEST(text.find("--dev-bind / /") == std::string::npos, text);
  BOOST_TEST(text.find(" --clearenv ") != std::string::npos, text);  // nothing of the caller's
  const auto host =
      rendered(Peer::bwrap, user_facts(), [](Spec& s) { s.mounts = {parse_volume("/data:/mnt:rslave").value()}; });
  BOOST_TEST(host.text.find("--dev-bind / / --proc /proc --bind /data /mnt ") != std::string::npos, host.text);
  for (const char* what : {"rslave", "target that is missing"}) BOOST_TEST(notes_mention(host, what), what);
}

BOOST_AUTO_TEST_CASE(a_root_of_its_own_in_dockers_words) {
  const auto docker = rendered(Peer::docker, facts_of_root(root_facts()), furnish_root);
  BOOST_TEST(docker.text.find(
                 " --read-only --shm-size 1048576 --mount type=bind,src=/data,dst=/mnt/data,ro --volume /new:/new "
                 "--tmpfs /run:size=67108864,mode=755 --device /dev/fuse:/dev/fuse:rwm ") != std::string::npos,
             docker.text);
  for (const char* what : {"tar -C /srv/root -c . | docker import", "nosuid", "docker's layer"})
    BOOST_TEST(notes_mention(docker, what), what);
  BOOST_TEST(!notes_mention(docker, "host's own root"));
}

BOOST_AUTO_TEST_CASE(a_root_of_its_own_as_oci) {
  const auto oci = rendered(Peer::oci, facts_of_root(root_facts()), furnish_root);
  const auto json = nlohmann::json::parse(oci.text);
  BOOST_TEST(json["root"]["path"] == "/srv/root");
  BOOST_TEST(json["root"]["readonly"] == true);
  BOOST_TEST(json["linux"]["readonlyPaths"].size() == 5U);
  BOOST_TEST(json["linux"]["maskedPaths"].size() >= 12U);
  BOOST_TEST(json["process"]["cwd"] == "/");
  std::string order;
  for (const auto& mount : json["mounts"]) order += mount["destination"].get<std::string>() + " ";
  BOOST_TEST(order == "/new /run /mnt/data /proc /sys /dev /dev/pts /dev/mqueue /dev/shm /dev/fuse ");
  BOOST_TEST((json["mounts"][2]["options"] == nlohmann::json{"rbind", "rprivate", "ro", "nosuid", "nodev"}));
  BOOST_TEST(json["mounts"][5]["type"] == "tmpfs");  // never the host's /dev
  BOOST_TEST(json["mounts"][8]["options"].back() == "size=1048576");
  BOOST_TEST(!notes_mention(oci, "mount --rbind"));
  BOOST_TEST(notes_mention(oci, "crun --cgroup-manager=disabled run 0123456789ab"));
}

BOOST_AUTO_TEST_CASE(a_line_that_would_leave_a_mount_out_is_none) {
  const auto why = [](Peer peer, const std::function<void(Spec&)>& change) {
    Spec spec;
    spec.argv = {"ls"};
    change(spec);
    const auto rendering = render(spec, facts_of_root(root_facts()), peer);
    return rendering ? "said: " + rendering->text : rendering.error().line();
  };
  const auto is = [](const std::string& line, const char* what) { return line.find(what) != std::string::npos; };
  BOOST_TEST(is(why(Peer::unshare, furnish_root), "unshare cannot say --rootfs"));
  BOOST_TEST(
      is(why(Peer::unshare, [](Spec& s) { s.mounts = {parse_tmpfs("/run").value()}; }), "unshare cannot say --tmpfs"));
  for (const Peer peer : {Peer::bwrap, Peer::oci}) {
    BOOST_TEST(
        is(why(peer, [](Spec& s) { s.rootfs = "/srv/root", s.rootfs_overlay = true; }), "cannot say --rootfs DIR:O"));
  }
  for (const Peer peer : {Peer::bwrap, Peer::oci, Peer::docker}) {
    BOOST_TEST(
        is(why(peer, [](Spec& s) { s.mounts = {parse_volume("/a:/b:O").value()}; }), "cannot say an overlay of /a"));
  }
}

// What binds a command on the host's root beyond capabilities is said where a peer has no words for it.
BOOST_AUTO_TEST_CASE(what_covers_the_host_is_said_or_missed) {
  for (const Profile profile : {Profile::seed, Profile::docker, Profile::strict}) {
    Facts facts = root_facts();
    facts.landlock = 6;
    const auto of = [&](Peer peer) { return rendered(peer, facts, [&](Spec& s) { s.profile = profile; }); };
    const bool covers = profile != Profile::seed;
    for (const Peer peer : {Peer::unshare, Peer::bwrap})
      BOOST_TEST(notes_mention(of(peer), "covers nothing in /proc") == covers);
    for (const Peer peer : {Peer::unshare, Peer::bwrap, Peer::docker, Peer::oci})
      BOOST_TEST(notes_mention(of(peer), "nothing like Landlock") == (profile == Profile::strict));
    const auto oci = nlohmann::json::parse(of(Peer::oci).text);
    BOOST_TEST(oci["linux"].contains("maskedPaths") == covers);
    BOOST_TEST(oci["linux"].contains("readonlyPaths") == covers);
    const bool sys = std::ranges::any_of(oci["mounts"], [](const auto& mount) {
      return mount["destination"] == "/sys" && mount["options"] == nlohmann::json{"rbind", "ro"};
    });
    BOOST_TEST(sys == covers);
  }
}

BOOST_AUTO_TEST_CASE(names_and_errors) {
  BOOST_TEST((parse_peer("oci") == Peer::oci));
  BOOST_TEST(!parse_peer("podman"));
  Spec spec;
  for (const Peer peer : {Peer::docker, Peer::bwrap, Peer::unshare, Peer::oci}) {
    BOOST_TEST(!render(spec, root_facts(), peer));
    Spec unknown;
    unknown.argv = {"x"};
    unknown.user = "nosuch";
    BOOST_TEST(render(unknown, root_facts(), peer).error().code == "E_USER");
  }
}

BOOST_AUTO_TEST_SUITE_END()
