"""The metrics and the health of a running daemon, over HTTP."""

import os
import re
import time
import urllib.error
import urllib.request

import harness


class MetricsTest(harness.BrokerTest):
    def begin(self, *arguments):
        self.start("--set", "metrics.listen=127.0.0.1:0", "--set", "offsets.topic.num.partitions=1",
                   "--set", "group.initial.rebalance.delay.ms=0", *arguments)
        self.base = self.daemon.wait_for_line(r"metrics on (http://127\.0\.0\.1:\d+)/metrics").group(1)

    def get(self, path, **headers):
        with urllib.request.urlopen(urllib.request.Request(self.base + path, headers=headers),
                                    timeout=harness.PATIENCE) as answer:
            return answer.read().decode()

    def value(self, series):
        """Of one series, with its labels as they are written."""
        found = re.search("^" + re.escape(series) + r" (\S+)$", self.get("/metrics"), re.MULTILINE)
        return float(found.group(1)) if found else None

    def test_groups_and_their_lag_can_be_scraped(self):
        self.begin()
        self.create("orders")
        self.tidelog("produce", "orders", stdin=b"record\n" * 5)
        self.tidelog("consume", "orders", "--group", "readers", "--count", "3")
        self.assertEqual(self.value('tidelog_group_lag{group="readers",topic="orders"}'), 2)
        self.assertGreaterEqual(self.value("tidelog_group_commits_total"), 1)
        self.assertGreaterEqual(self.value("tidelog_group_rebalances_total"), 1)
        self.tidelog("produce", "orders", stdin=b"record\n" * 5)
        # The lag is looked at twice a second at most.
        deadline = time.monotonic() + harness.PATIENCE
        while self.value('tidelog_group_lag{group="readers",topic="orders"}') != 7:
            self.assertLess(time.monotonic(), deadline)
        self.assertGreaterEqual(self.value("tidelog_network_requests_total"), 10)
        self.assertGreater(self.value("tidelog_network_received_bytes_total"), 100)
        self.assertEqual(self.value("tidelog_recovery_set_aside_files"), 0)
        self.assertEqual(self.value("tidelog_cleaner_uncleanable_partitions"), 0)
        self.assertIn("application/openmetrics-text", urllib.request.urlopen(
            urllib.request.Request(self.base + "/metrics", headers={"Accept": "application/openmetrics-text"}),
            timeout=harness.PATIENCE).headers["Content-Type"])

    def test_what_a_recovery_has_set_aside_is_told(self):
        self.begin()
        # The kernel alone knows how much of it is on disk.
        self.create("text", flush_messages=9223372036854775807)
        content = harness.lines(1000)
        self.send("text", content, "-X", "batch.num.messages=10")
        self.daemon.kill()
        segment = os.path.join(self.data, "text-0", "0" * 20 + ".log")
        size = os.path.getsize(segment)
        with open(segment, "r+b") as file:
            file.seek(size // 2)
            file.write(b"\xa5" * 100)

        self.begin()
        aside = self.daemon.wait_for_line(r"damaged batch at position (\d+): .* (\d+) bytes from there on are set aside in (\S+)")
        position, told, file = int(aside.group(1)), int(aside.group(2)), aside.group(3)
        self.assertLessEqual(position, size // 2)
        self.assertEqual(told, size - position)
        self.assertEqual(os.path.getsize(file), told)
        kept = self.receive("text")
        self.assertTrue(kept and content.startswith(kept))
        self.assertEqual(self.value("tidelog_recovery_set_aside_bytes"), told)
        self.assertEqual(self.value("tidelog_recovery_set_aside_files"), 1)
        self.assertEqual(self.value("tidelog_recovery_logs_with_findings"), 1)

    def test_health_is_told_and_the_rest_is_refused(self):
        self.begin()
        self.assertIn("makes progress", self.get("/health"))
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.get("/admin")
        self.assertEqual(refused.exception.code, 404)

    def test_an_address_that_is_taken_ends_the_start_with_the_key_in_the_message(self):
        self.begin()
        taken = self.base.removeprefix("http://")
        second = harness.Daemon(self.daemon.directory + "-second", "--set", f"metrics.listen={taken}")
        self.addCleanup(second.kill)
        self.assertEqual(second.wait(), 4)
        self.assertRegex(second.log(), rf"metrics\.listen {taken}: .*in use.*set another address in metrics\.listen")

    def test_without_the_key_nothing_listens(self):
        self.start()
        self.assertNotIn("metrics on", self.daemon.log())


if __name__ == "__main__":
    harness.main()
