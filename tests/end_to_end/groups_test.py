"""Groups of unmodified librdkafka clients and of our own: whoever comes and goes, no record is passed over."""

import os
import signal
import subprocess
import time

import harness
from harness import PATIENCE, PROGRAMS, Failed

GROUP, TOPIC = "readers", "orders"
# Short, so that a killed member is noticed while the test runs.
SESSION = ("-X", "session.timeout.ms=6000", "-X", "heartbeat.interval.ms=300", "-X", "auto.commit.interval.ms=200")


class Member:
    """A consumer whose records land in a file, so that it never waits for us with a record that counts as read."""

    def __init__(self, test, command):
        self.file = test.path(f"member-{len(test.members)}")
        self.errors = self.file + "-errors"
        with open(self.file, "wb") as records, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=records, stderr=errors)
        test.members.append(self)
        test.addCleanup(self.end, signal.SIGKILL)

    def records(self):
        with open(self.file, "rb") as file:
            return [line for line in file.read().splitlines(True) if line.endswith(b"\n")]

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(PATIENCE)

    def said(self):
        with open(self.errors, encoding="utf-8", errors="replace") as file:
            return file.read()


class Load:
    """A producer that goes on until it is ended, through restarts of the daemon too; every line is different."""

    def __init__(self, test):
        self.sent = 0
        self.process = subprocess.Popen(
            ["kcat", "-b", test.daemon.address, "-P", "-t", TOPIC, "-E", "-X", "enable.idempotence=true",
             "-X", "message.timeout.ms=120000", "-X", "reconnect.backoff.max.ms=500",
             "-X", "topic.metadata.refresh.interval.ms=500"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        test.addCleanup(self.close)

    def go_on(self, records=10):
        for _ in range(records):
            self.process.stdin.write(b"record %d\n" % self.sent)
            self.sent += 1
        self.process.stdin.flush()

    def finish(self):
        """All lines that were sent, each of them acknowledged."""
        _, errors = self.process.communicate(timeout=PATIENCE)
        if self.process.returncode != 0:
            raise Failed("the producer failed:\n" + errors.decode(errors="replace"))
        return {b"record %d\n" % number for number in range(self.sent)}

    def close(self):
        self.process.kill()
        self.process.communicate()


class GroupsTest(harness.BrokerTest):
    def setUp(self):
        super().setUp()
        self.members = []
        self.load = None

    def begin(self, partitions=4, initial_delay_ms=0):
        self.start("--set", f"group.initial.rebalance.delay.ms={initial_delay_ms}",
                   "--set", "offsets.topic.num.partitions=5")
        self.create(TOPIC, partitions)
        self.load = Load(self)

    def kcat_member(self, *options):
        return Member(self, ["kcat", "-b", self.daemon.address, "-E", "-u", "-q", "-X", "auto.offset.reset=earliest",
                             *SESSION, "-X", "reconnect.backoff.max.ms=500", *options, "-G", GROUP, TOPIC])

    def tidelog_member(self, *options):
        return Member(self, [os.path.join(PROGRAMS, "tidelog"), "-b", self.daemon.address, "consume", TOPIC,
                             "--group", GROUP, "--follow", *options])

    def wait_for(self, condition, what):
        """Waits for what happens in other processes; the producer goes on meanwhile."""
        # Members of ours have sessions of 45 s, and one that left just before a crash is waited for that long.
        patience = 45 + PATIENCE
        until = time.monotonic() + patience
        while not condition():
            if time.monotonic() > until:
                raise Failed(f"{what}: not within {patience} s\n" + "\n".join(m.said() for m in self.members))
            if self.load.process.stdin and not self.load.process.stdin.closed:
                self.load.go_on()
            time.sleep(0.02)

    def wait_for_news(self, *members):
        before = [len(member.records()) for member in members]
        self.wait_for(lambda: all(len(m.records()) > count for m, count in zip(members, before)), "records for all")

    def describe(self):
        return self.tidelog_json("group", "describe", GROUP)[0]

    def committed(self):
        return {offset["partition"]: offset["committed"] for offset in self.describe()["offsets"]
                if offset["committed"] is not None}

    def check_that_all_is_read(self):
        sent = self.load.finish()
        self.wait_for(lambda: sent <= {line for member in self.members for line in member.records()}, "every record")
        read = {line for member in self.members for line in member.records()}
        self.assertEqual(read, sent)

    def check_leaving(self):
        """Who leaves commits first, so that nothing is left to read."""
        for member in self.members:
            member.end()
        # A daemon that was killed knows nothing of one that left a moment before, and waits for its session.
        self.wait_for(lambda: self.describe()["state"] == "Empty", "the group is empty")
        group = self.describe()
        self.assertEqual((group["members"], group["lag"]), ([], 0))
        # Partitions that nothing was written to have no offset.
        self.assertGreaterEqual(sum(offset["committed"] for offset in group["offsets"]), self.load.sent)

    def join_leave_and_crash(self, newcomer):
        self.begin()
        first = newcomer()
        self.wait_for_news(first)
        second = newcomer()
        self.wait_for_news(first, second)
        third = newcomer()
        self.wait_for_news(first, second, third)
        second.end(signal.SIGKILL)
        self.wait_for(lambda: len(self.describe()["members"]) == 2, "the killed member is noticed")
        fourth = newcomer()
        self.wait_for_news(first, third, fourth)
        first.end()
        self.wait_for(lambda: len(self.describe()["members"]) == 2, "the other one has left")
        self.wait_for_news(third, fourth)
        self.check_that_all_is_read()
        self.check_leaving()

    def test_members_come_and_go_and_crash_with_range(self):
        self.join_leave_and_crash(lambda: self.kcat_member("-X", "partition.assignment.strategy=range"))

    def test_members_come_and_go_and_crash_with_roundrobin(self):
        self.join_leave_and_crash(lambda: self.kcat_member("-X", "partition.assignment.strategy=roundrobin"))

    def test_members_come_and_go_and_crash_with_cooperative_sticky(self):
        self.join_leave_and_crash(lambda: self.kcat_member("-X", "partition.assignment.strategy=cooperative-sticky"))

    def test_our_members_share_a_group_with_librdkafka(self):
        self.begin()
        ours = self.tidelog_member()
        self.wait_for_news(ours)
        other = self.kcat_member("-X", "partition.assignment.strategy=range")
        self.wait_for_news(ours, other)
        again = self.tidelog_member()
        self.wait_for_news(ours, other, again)
        self.assertEqual(self.describe()["assignor"], "range")
        other.end(signal.SIGKILL)
        self.wait_for(lambda: len(self.describe()["members"]) == 2, "the killed member is noticed")
        # However it is stopped, a member of ours leaves, and the other one takes all over at once.
        self.assertEqual(ours.end(signal.SIGINT), 130)
        self.assertEqual(len(self.describe()["members"]), 1)
        self.wait_for_news(again)
        self.check_that_all_is_read()
        again.end(signal.SIGTERM)
        self.check_leaving()

    def test_a_static_member_that_was_killed_takes_its_place_again(self):
        self.begin()
        names = ("one", "two")
        members = [self.tidelog_member("--instance", name) for name in names]
        # Before anybody has joined there is no group to be described.
        self.wait_for_news(*members)
        self.wait_for(lambda: [len(m["assigned"]) for m in self.describe()["members"]] == [2, 2], "both are there")
        self.wait_for_news(*members)
        before = {member["instance"]: member["assigned"] for member in self.describe()["members"]}
        for place, name in enumerate(names):
            members[place].end(signal.SIGKILL)
            members[place] = self.tidelog_member("--instance", name)
            self.wait_for_news(*members)
        self.assertEqual({member["instance"]: member["assigned"] for member in self.describe()["members"]}, before)
        self.check_that_all_is_read()

    def daemon_killed(self, newcomer):
        """Kills the daemon in several phases of the group's life; nobody is told, nobody is restarted."""
        self.begin(initial_delay_ms=1000)
        known = {}

        def kill_and_restart():
            known.update(self.committed() if self.daemon_knows_group() else {})
            self.daemon.kill()
            self.restart()
            after = self.committed() if known else {}
            for partition, offset in known.items():
                self.assertGreaterEqual(after.get(partition, -1), offset, f"partition {partition} after a restart")

        # While the first members are waited for.
        first, second = newcomer(), newcomer()
        self.wait_for(self.daemon_knows_group, "a member joins")
        kill_and_restart()
        self.wait_for_news(first, second)
        # In the middle of a rebalance that a newcomer began: at once, and a moment later.
        third = newcomer()
        self.wait_for(lambda: self.describe()["state"] != "Stable", "the group rebalances")
        kill_and_restart()
        self.wait_for_news(first, second, third)
        # While one that left is being replaced.
        second.end()
        kill_and_restart()
        self.wait_for_news(first, third)
        # At rest, with offsets committed, and several times in a row.
        self.wait_for(lambda: sum(self.committed().values()) > sum(known.values()), "a commit")
        for _ in range(3):
            kill_and_restart()
        self.wait_for_news(first, third)
        self.check_that_all_is_read()
        self.check_leaving()

    def daemon_knows_group(self):
        return any(group["group"] == GROUP for group in self.tidelog_json("group", "list"))

    def restart(self):
        options = self.daemon.process.args[5:]
        self.daemon = self.spawn(*options, listen=self.daemon.address).ready()

    def test_librdkafka_members_find_a_killed_daemon_again(self):
        self.daemon_killed(lambda: self.kcat_member("-X", "partition.assignment.strategy=range"))

    def test_cooperative_members_find_a_killed_daemon_again(self):
        self.daemon_killed(lambda: self.kcat_member("-X", "partition.assignment.strategy=cooperative-sticky"))

    def test_our_members_find_a_killed_daemon_again(self):
        self.daemon_killed(self.tidelog_member)

    def test_whoever_is_stopped_waits_for_no_daemon(self):
        self.begin()
        member = self.tidelog_member()
        self.wait_for_news(member)
        self.daemon.kill()
        # It is asked for with patience, and would be for half a minute and longer.
        self.assertIsNone(member.process.poll())
        begun = time.monotonic()
        self.assertEqual(member.end(signal.SIGTERM), 3)
        self.assertLess(time.monotonic() - begun, 20)

    def roll(self, newcomer, after_each=lambda: None):
        """Replaces member after member, and the daemon by a clean stop and by a crash while there are old and new ones."""
        self.begin(partitions=6)
        members = [newcomer(place) for place in range(3)]
        self.wait_for_news(*members)
        for place, between in enumerate((self.daemon_stopped_and_started, self.daemon_crashed_and_started, after_each)):
            after_each()
            members[place].end()
            members[place] = newcomer(place)
            self.wait_for_news(*members)
            between()
            self.wait_for_news(*members)
        self.check_that_all_is_read()

    def daemon_stopped_and_started(self):
        self.assertEqual(self.daemon.stop(), 0)
        self.restart()

    def daemon_crashed_and_started(self):
        self.daemon.kill()
        self.restart()

    def test_a_rolling_restart_of_the_members_and_the_daemon_passes_nothing_over(self):
        self.roll(lambda _: self.kcat_member())
        self.check_leaving()

    def test_a_rolling_restart_of_cooperative_members_passes_nothing_over(self):
        self.roll(lambda _: self.kcat_member("-X", "partition.assignment.strategy=cooperative-sticky"))
        self.check_leaving()

    def test_a_rolling_restart_of_static_members_moves_nothing(self):
        held = []

        def check_that_nothing_moved():
            held.append({m["instance"]: (m["member"], m["assigned"]) for m in self.describe()["members"]})
            self.assertEqual({name: assigned for name, (_, assigned) in held[-1].items()},
                             {name: assigned for name, (_, assigned) in held[0].items()})

        # Nobody's session ends on a machine that has other things to do.
        self.roll(lambda place: self.kcat_member("-X", f"group.instance.id=number-{place}",
                                                 "-X", "session.timeout.ms=45000"), check_that_nothing_moved)
        self.assertEqual(len(held[-1]), 3)
        self.assertTrue(all(held[-1][name][0] != member for name, (member, _) in held[0].items()))

    def test_new_partitions_are_read_by_somebody(self):
        self.begin(partitions=1)
        members = [self.kcat_member("-X", "topic.metadata.refresh.interval.ms=500") for _ in range(2)]
        self.wait_for(lambda: any(member.records() for member in members), "the one partition is read")
        self.tidelog("topic", "alter", TOPIC, "--partitions", "4")
        self.wait_for_news(*members)
        self.check_that_all_is_read()
        self.check_leaving()


if __name__ == "__main__":
    harness.main()
