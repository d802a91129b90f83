"""A disk that fills up under the real daemon: a small file system of the test's own, so only for root."""

import os
import subprocess
import time

import harness
from harness import lines

MIB = 1024 * 1024
RESERVE = 8 * MIB


class FullDiskTest(harness.BrokerTest):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("NOT TESTED: only root can mount the file system that is to fill up")
        self.disk = self.path("disk")
        os.mkdir(self.disk)
        harness.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tidelog-test", self.disk])
        self.addCleanup(harness.run, ["umount", "-l", self.disk], check=False)
        self.data = os.path.join(self.disk, "data")

    def begin(self, *options):
        self.start(*options, "--set", f"log.free.space.min.bytes={RESERVE}", "--set", "log.segment.bytes=1048576",
                   "--set", "log.retention.check.interval.ms=200", "--set", "log.segment.delete.delay.ms=0",
                   "--set", "offsets.topic.num.partitions=2")
        self.wait_until(lambda: self.ballast() == MIB or self.free() < RESERVE, "no ballast was laid")

    def ballast(self):
        """Its bytes; on this small file system a MiB is wanted."""
        file = os.path.join(self.data, ".ballast")
        return os.path.getsize(file) if os.path.exists(file) else 0

    def free(self):
        found = os.statvfs(self.disk)
        return found.f_bavail * found.f_frsize

    def others_leave(self, free_bytes):
        """Somebody else's file takes all room but this."""
        with open(os.path.join(self.disk, "others"), "ab") as file:
            file.truncate(0)
            rest = self.free() - free_bytes
            while rest > 0:
                piece = min(rest, MIB)
                os.write(file.fileno(), b"\0" * piece)
                rest -= piece

    def others_go(self):
        os.remove(os.path.join(self.disk, "others"))

    def background_producer(self, topic, content, *options):
        file = self.write("to-send-to-" + topic, content)
        producer = subprocess.Popen(["kcat", "-b", self.daemon.address, "-P", "-t", topic, "-p", "0", "-X",
                                     "linger.ms=0", "-X", "batch.num.messages=20", *options, "-l", file],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(producer.stderr.close)
        self.addCleanup(producer.wait)
        self.addCleanup(producer.kill)
        return producer

    def wait_until(self, is_so, what):
        end = time.monotonic() + harness.PATIENCE
        while not is_so():
            self.assertLess(time.monotonic(), end, f"{what}\n{self.daemon.log()}")
            time.sleep(0.05)

    def test_producers_wait_for_room_and_lose_nothing(self):
        self.begin()
        self.create("text")
        self.create("other")
        self.send("text", lines(100))
        self.others_leave(RESERVE - MIB)
        self.daemon.wait_for_line(r"is full: 7\.0 MiB are free, and 8\.0 MiB are kept in reserve")
        producers = [self.background_producer("text", lines(400, start=100), "-X", "enable.idempotence=true"),
                     self.background_producer("other", lines(400))]

        # The rest goes on.
        self.assertEqual(self.receive("text"), lines(100))
        self.tidelog("group", "offsets", "reset", "g", "--topic", "text", "--to-latest", "--execute")
        self.tidelog("config", "set", "topic:text", "retention.ms=100000000")
        self.create_is_refused()
        shown = self.tidelog_json("cluster", "info")["log_dirs"][0]
        self.assertLess(shown["usable_bytes"], RESERVE)
        self.assertEqual(shown["reserve_bytes"], RESERVE)
        self.assertIn(b"is full: new records and topics are refused", self.tidelog("cluster", "info").stdout)
        for producer in producers:
            self.assertIsNone(producer.poll(), "a producer gave up")
        self.assertEqual(self.receive("text"), lines(100))

        self.others_go()
        self.daemon.wait_for_line(r"has room again: .*; [1-9]\d* batches were refused")
        for producer in producers:
            _, errors = producer.communicate(timeout=harness.PATIENCE)
            self.assertEqual(producer.returncode, 0, errors)
        self.assertEqual(self.receive("text"), lines(500))
        self.assertEqual(self.receive("other"), lines(400))
        self.assertEqual(len([line for line in self.daemon.lines if "is full" in line]), 1)
        self.assertEqual(self.daemon.stop(), 0)

    def create_is_refused(self):
        done = harness.run([os.path.join(harness.PROGRAMS, "tidelog"), "-b", self.daemon.address, "topic", "create",
                            "refused"], check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"is full: 7.0 MiB are free, 8.0 MiB are kept in reserve", done.stderr)

    def test_a_topic_that_is_made_on_demand_waits_for_room(self):
        self.begin("--set", "log.level=debug")
        self.others_leave(MIB)
        self.daemon.wait_for_line("is full")
        producer = self.background_producer("new", lines(50))
        self.daemon.wait_for_line("topic new is not made on demand")
        self.others_go()
        _, errors = producer.communicate(timeout=harness.PATIENCE)
        self.assertEqual(producer.returncode, 0, errors)
        self.assertEqual(self.receive("new"), lines(50))

    def test_shorter_retention_makes_room_and_writing_goes_on_by_itself(self):
        self.begin()
        self.create("text")
        self.others_leave(20 * MIB)
        content = b"".join(b"%07d %s\n" % (i, b"y" * 9991) for i in range(2500))
        producer = self.background_producer("text", content)
        self.daemon.wait_for_line("is full")
        self.assertGreater(self.free(), RESERVE - 2 * MIB, "the reserve is used up by records")
        self.tidelog("config", "set", "topic:text", "retention.bytes=1048576")
        self.daemon.wait_for_line("has room again")
        _, errors = producer.communicate(timeout=harness.PATIENCE)
        self.assertEqual(producer.returncode, 0, errors)
        kept = self.receive("text")
        self.assertTrue(content.endswith(kept))
        self.assertGreater(len(kept), 0)

    def test_killed_while_full_and_started_without_a_byte_of_room(self):
        self.begin()
        self.create("text")
        self.create("waste")
        self.send("text", lines(300))
        self.send("waste", lines(300))
        # No reserve to begin with, so that records themselves fill the disk to the last byte.
        self.tidelog("config", "set", "broker:1", "log.free.space.min.bytes=0")
        self.others_leave(100_000)
        producer = self.background_producer("text", lines(3000, start=300), "-X", "enable.idempotence=true")
        self.daemon.wait_for_line(r"is full: write \S+text-0\S+ at \d+: No space left on device")
        self.others_leave(0)
        producer.kill()
        for _ in range(3):
            self.daemon.kill()
            self.daemon = self.spawn("--set", "log.segment.delete.delay.ms=0").ready()
        self.assertNotIn("offline", self.daemon.log())
        kept = self.receive("text")
        self.assertTrue(kept.startswith(lines(300)))
        self.assertTrue(lines(3300).startswith(kept))
        self.tidelog("topic", "delete", "waste")
        self.others_go()
        self.send("text", lines(100))
        self.assertEqual(self.receive("text"), kept + lines(100))
        self.assertEqual(self.daemon.stop(), 0)

    def test_stopped_while_full_and_started_again(self):
        self.begin()
        self.create("text")
        self.send("text", lines(300))
        self.others_leave(0)
        self.daemon.wait_for_line("is full")
        # There may be no room for the mark of a clean stop; then the next start looks at the logs.
        self.assertIn(self.daemon.stop(), (0, 1))
        self.begin()
        self.assertEqual(self.receive("text"), lines(300))
        self.others_go()
        self.daemon.wait_for_line("has room again")
        self.send("text", lines(100, start=300))
        self.assertEqual(self.receive("text"), lines(400))
        self.assertEqual(self.daemon.stop(), 0)


class ThinDiskTest(harness.BrokerTest):
    """The file system has room, but what stands behind it has none: only a sync finds out, as on a volume that was promised
    more than there is."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("NOT TESTED: only root can mount the file system that is to fill up")
        self.behind = self.path("behind")
        os.mkdir(self.behind)
        harness.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tidelog-test", self.behind])
        self.addCleanup(harness.run, ["umount", "-l", self.behind], check=False)
        image = os.path.join(self.behind, "image")
        with open(image, "wb") as file:
            file.truncate(96 * MIB)
        # One with a journal would give itself up instead.
        harness.run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-E", "lazy_itable_init=0,nodiscard", image])
        self.disk = self.path("disk")
        os.mkdir(self.disk)
        mounted = harness.run(["mount", "-o", "loop", image, self.disk], check=False)
        if mounted.returncode != 0:
            self.skipTest("NOT TESTED: there are no loop devices")
        self.addCleanup(harness.run, ["umount", "-l", self.disk], check=False)
        self.data = os.path.join(self.disk, "data")

    def room_behind(self, free_bytes):
        others = os.path.join(self.behind, "others")
        if os.path.exists(others):
            os.remove(others)
        found = os.statvfs(self.behind)
        with open(others, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - free_bytes)

    def test_what_a_sync_without_room_took_offline_comes_back_by_itself(self):
        self.start("--set", "log.free.space.min.bytes=1048576", "--set", "log.commit.journal.bytes=0")
        self.create("text")
        self.send("text", lines(100))
        self.room_behind(256 * 1024)
        self.write("rest", lines(4000, start=100))
        producer = subprocess.Popen(["kcat", "-b", self.daemon.address, "-P", "-t", "text", "-p", "0", "-X",
                                     "enable.idempotence=true", "-l", self.path("rest")],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(producer.stderr.close)
        self.addCleanup(producer.wait)
        self.addCleanup(producer.kill)
        self.daemon.wait_for_line(r"the disk of \S+ is full: sync \S+text-0/\S+: No space left on device")
        self.room_behind(32 * MIB)
        self.daemon.wait_for_line("text-0 is online again")
        _, errors = producer.communicate(timeout=harness.PATIENCE)
        self.assertEqual(producer.returncode, 0, errors)
        self.assertEqual(self.receive("text"), lines(4100))
        self.daemon.kill()
        self.start()
        self.assertEqual(self.receive("text"), lines(4100))
        self.assertEqual(self.daemon.stop(), 0)


if __name__ == "__main__":
    harness.main()
