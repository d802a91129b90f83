"""How the daemon starts, stops, and says what keeps it from either."""

import os
import signal
import socket
import subprocess
import time

import harness
from harness import lines

CANNOT_LISTEN, DIRECTORY_LOCKED, NOT_WRITABLE, UNKNOWN_VERSION, UNUSABLE = 4, 5, 6, 7, 8
BAD_USAGE, BAD_CONFIGURATION = 2, 3


class DaemonTest(harness.BrokerTest):
    def assert_refuses_to_start(self, daemon, code, *parts):
        self.assertEqual(daemon.wait(), code, daemon.log())
        last = daemon.lines[-1]
        for part in parts:
            self.assertIn(part, last)

    def test_a_clean_stop_and_a_start_keep_everything(self):
        self.start()
        self.create("text", partitions=2)
        self.send("text", lines(500))
        cluster = self.tidelog_json("cluster", "info")["cluster_id"]
        epoch = self.tidelog_json("topic", "describe", "text")[0]["partitions"][0]["leader_epoch"]
        self.assertEqual(self.daemon.stop(), 0)
        self.assertIn("stopped cleanly", self.daemon.lines[-1])
        self.start()
        # It knows every file that it has left behind.
        self.assertNotIn("left alone", self.daemon.log())
        self.assertEqual(self.receive("text"), lines(500))
        self.send("text", lines(10, start=500))
        self.assertEqual(self.receive("text"), lines(510))
        self.assertEqual(self.tidelog_json("cluster", "info")["cluster_id"], cluster)
        described = self.tidelog_json("topic", "describe", "text")[0]
        self.assertGreater(described["partitions"][0]["leader_epoch"], epoch)

    def test_what_was_acknowledged_is_there_after_a_kill(self):
        self.start()
        self.create("durable")
        self.create("cached", flush_messages=2**63 - 1)
        for topic in ("durable", "cached"):
            self.send(topic, lines(2000))
        self.daemon.kill()
        self.start()
        for topic in ("durable", "cached"):
            self.assertEqual(self.receive(topic), lines(2000))

    def test_sigterm_ends_it_within_seconds_also_with_clients_waiting(self):
        self.start()
        self.create("text")
        self.send("text", lines(1))
        consumer = self.spawn_kcat("-C", "-t", "text", "-p", "0", "-o", "beginning", "-q", "-u",
                                   "-X", "fetch.wait.max.ms=60000", "-X", "socket.timeout.ms=120000",
                                   "-X", "session.timeout.ms=60000")
        self.assertEqual(consumer.stdout.readline(), lines(1))
        with socket.create_connection(self.daemon.address.split(":")) as silent:
            silent.sendall(b"\x00\x00")
            before = time.monotonic()
            self.assertEqual(self.daemon.stop(), 0)
        self.assertLess(time.monotonic() - before, 30)

    def make_recovery_wait(self, partition):
        """Who opens a pipe for reading waits for a writer: a recovery that does not end by itself."""
        epochs = os.path.join(self.data, partition, "leader-epoch-checkpoint")
        if os.path.exists(epochs):
            os.remove(epochs)
        os.mkfifo(epochs)
        return epochs

    @staticmethod
    def let_recovery_end(epochs):
        with open(epochs, "wb"):
            os.remove(epochs)

    def test_partitions_serve_while_others_recover_and_clients_wait_for_these(self):
        options = ("--set", "offsets.topic.num.partitions=1", "--set", "num.recovery.threads.per.data.dir=3")
        self.start(*options)
        self.create("slow")
        self.create("quick")
        self.send("slow", lines(100))
        self.send("quick", lines(10))
        group = ("-G", "readers", "-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=6000")
        self.assertEqual(self.kcat(*group, "-c", "100", "-q", "slow").stdout, lines(100))
        self.daemon.kill()
        epochs = [self.make_recovery_wait(partition) for partition in ("slow-0", "__consumer_offsets-0")]
        self.start(*options)
        self.send("quick", lines(10, 10))
        self.assertEqual(self.receive("quick"), lines(20))
        slow, = self.tidelog_json("topic", "describe", "slow")[0]["partitions"]
        self.assertEqual((slow["state"], slow["leader"]), ("recovering", -1))
        self.assertEqual(self.tidelog_json("cluster", "info")["partitions_recovering"], 2)
        self.assertIn(b"2 of 3 partitions are being recovered", self.tidelog("cluster", "info").stdout)
        producer = self.spawn_kcat("-P", "-t", "slow", "-p", "0", "-l", self.write("more", lines(10, 100)))
        member = self.spawn_kcat(*group, "-c", "10", "-q", "slow")
        self.assertIsNone(producer.poll())
        for each in epochs:
            self.let_recovery_end(each)
        self.assertEqual(producer.wait(harness.PATIENCE), 0)
        self.assertEqual(member.communicate(timeout=harness.PATIENCE)[0], lines(10, 100))
        self.daemon.wait_for_line("recovered 3 of 3 logs")
        self.assertEqual(self.receive("slow"), lines(110))
        self.assertEqual(self.tidelog_json("cluster", "info")["partitions_recovering"], 0)

    def test_sigterm_ends_a_recovery_that_takes_long(self):
        self.start()
        self.create("text")
        self.send("text", lines(100))
        self.daemon.kill()
        epochs = self.make_recovery_wait("__cluster_metadata-0")
        recovering = self.spawn()
        recovering.wait_for_line("was not closed cleanly")
        self.assertEqual(recovering.stop(), 0)
        self.assertIn("before the start was finished", recovering.log())
        os.remove(epochs)
        self.start()
        self.assertEqual(self.receive("text"), lines(100))

    def test_an_offline_partition_says_why_and_is_brought_back(self):
        self.start()
        self.create("text", partitions=2)
        self.send("text", lines(100))
        self.assertEqual(self.daemon.stop(), 0)
        segment = os.path.join(self.data, "text-0", "0" * 20 + ".log")
        os.rename(segment, segment + ".away")
        # In the way of the segment with which the log would go on.
        next_segment = os.path.join(self.data, "text-0", f"{100:020}.log")
        os.mkdir(next_segment)
        self.start()
        offline, online = self.tidelog_json("topic", "describe", "text")[0]["partitions"]
        self.assertEqual((offline["state"], offline["leader"], offline["end"]), ("offline", -1, None))
        self.assertIn("text-0", offline["reason"])
        self.assertEqual((online["state"], online["reason"], online["end"]), ("online", None, 0))
        described = self.tidelog("topic", "describe", "text").stdout.decode()
        self.assertIn(offline["reason"], described)
        self.assertIn("tidelog topic recover text", described)
        self.assertEqual(self.tidelog_json("cluster", "info")["partitions_offline"], 1)
        self.assertIn(b"text-0", self.tidelog("topic", "recover", "text", expect=1).stderr)
        self.tidelog("topic", "recover", expect=2)
        os.rmdir(next_segment)
        os.rename(segment + ".away", segment)
        recovered = self.tidelog_json("topic", "recover", "text")
        self.assertEqual([(row["partition"], row["outcome"]) for row in recovered],
                         [(0, "recovered"), (1, "was online")])
        self.assertEqual(self.tidelog_json("topic", "recover", "--all"), [])
        self.assertEqual(self.tidelog_json("cluster", "info")["partitions_offline"], 0)
        self.assertEqual(self.receive("text"), lines(100))

    def test_sigint_stops_it_cleanly_too(self):
        self.start()
        self.daemon.process.send_signal(signal.SIGINT)
        self.assertEqual(self.daemon.wait(), 0)

    def test_a_second_daemon_on_a_directory_is_refused(self):
        self.start()
        second = self.spawn()
        self.assert_refuses_to_start(second, DIRECTORY_LOCKED, self.data, "--data-dir")
        self.create("still-served")

    def test_a_port_in_use_is_named(self):
        self.start()
        second = self.spawn(directory=self.path("other"), listen=self.daemon.address)
        self.assert_refuses_to_start(second, CANNOT_LISTEN, self.daemon.address, "--listen")
        self.create("still-served")

    def test_a_file_in_the_place_of_the_directory_is_refused(self):
        self.write("data", b"not a directory")
        daemon = self.spawn()
        self.assertIn(daemon.wait(), (NOT_WRITABLE, UNUSABLE))
        self.assertIn(self.data, daemon.lines[-1])

    def test_a_directory_that_is_somebody_elses_is_refused(self):
        os.mkdir(self.data)
        self.write("data/holiday.jpg", b"precious")
        daemon = self.spawn()
        self.assert_refuses_to_start(daemon, UNUSABLE, self.data)
        self.assertEqual(os.listdir(self.data), ["holiday.jpg"])

    def test_a_format_of_the_future_is_refused(self):
        os.mkdir(self.data)
        self.write("data/meta.properties", b"version=7\nnode.id=1\ncluster.id=x\n")
        self.assert_refuses_to_start(self.spawn(), UNKNOWN_VERSION, "7")

    def test_a_wrong_key_is_named_with_its_file_its_line_and_its_neighbour(self):
        file = self.write("bad.toml", b'"num.partitions" = 3\n"log.retention.mss" = 5\n')
        daemon = self.spawn("--config", file)
        self.assert_refuses_to_start(daemon, BAD_CONFIGURATION, "bad.toml", "2", "log.retention.mss", "log.retention.ms")

    def test_a_wrong_value_is_refused(self):
        self.assert_refuses_to_start(self.spawn("--set", "num.partitions=many"), BAD_CONFIGURATION, "num.partitions",
                                     "many")

    def test_an_unknown_option_is_bad_usage(self):
        self.assertEqual(self.spawn("--no-such-option").wait(), BAD_USAGE)

    def test_the_configuration_file_is_obeyed_and_read_again_on_sighup(self):
        file = self.write("tidelogd.toml", b'"num.partitions" = 3\n"log.retention.ms" = 1000000\n')
        self.start("--config", file)
        self.tidelog("topic", "create", "text")
        self.assertEqual(len(self.tidelog_json("topic", "describe", "text")[0]["partitions"]), 3)
        self.write("tidelogd.toml", b'"num.partitions" = 3\n"log.retention.ms" = 2000000\n')
        self.daemon.process.send_signal(signal.SIGHUP)
        self.daemon.wait_for_line("reloaded .*log.retention.ms")
        values = {entry["name"]: entry["value"] for entry in
                  self.tidelog_json("config", "get", "topic:text", "retention.ms")}
        self.assertEqual(values, {"retention.ms": "2000000"})

    def test_garbage_on_a_connection_harms_nobody(self):
        self.start()
        self.create("text")
        host, port = self.daemon.address.split(":")
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00",
                        b"\x00\x00\x00\x08" + b"\x7f\x00" * 4):
            with socket.create_connection((host, int(port))) as peer:
                peer.settimeout(harness.PATIENCE)
                peer.sendall(garbage)
                try:
                    while peer.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        self.send("text", lines(5))
        self.assertEqual(self.receive("text"), lines(5))


if __name__ == "__main__":
    harness.main()
