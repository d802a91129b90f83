"""The load generator's programs for groups against a real daemon: that they do what they say, not how fast."""

import json
import os
import subprocess

import harness


class BenchGroupTest(harness.BrokerTest):
    def bench(self, *arguments):
        command = [os.path.join(harness.PROGRAMS, "tidelog-bench"), "group", *arguments, "--bootstrap",
                   self.daemon.address, "--server-pid", str(self.daemon.process.pid), "--delete-topic", "-o", "json"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=harness.PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.tidelog_json("group", "list"), [], "groups are left behind")
        return json.loads(done.stdout)

    def test_members_are_kept_alive(self):
        self.start("--set", "group.initial.rebalance.delay.ms=0")
        for connections in ("3", "6"):
            told = self.bench("heartbeats", "--groups", "5", "--members", "3", "--connections", connections, "--interval",
                              "100ms", "--warm-up", "100ms", "--duration", "1s")
            # Fifteen members, ten times in a second. What a busy machine held back in the warm-up comes on top.
            self.assertGreater(told["requests"], 100)
            self.assertLessEqual(told["requests"], 15 * 12)
            self.assertIn("server_cpu_share", told)

    def test_both_protocols_rebalance(self):
        self.start("--set", "group.initial.rebalance.delay.ms=0")
        for protocol in ("classic", "consumer"):
            told = self.bench("rebalance", "--protocol", protocol, "--members", "7", "--partitions", "20", "--rounds",
                              "3")
            self.assertEqual((told["members"], told["partitions"], told["rounds"]), (7, 20, 3))
            self.assertGreater(told["rebalance_ms"]["min"], 0)
            self.assertLessEqual(told["rebalance_ms"]["median"], told["rebalance_ms"]["max"])

    def test_offsets_are_committed(self):
        self.start()
        for groups in (4, 1):
            told = self.bench("commits", "--connections", "4", "--groups", str(groups), "--warm-up", "0s",
                              "--duration", "500ms")
            self.assertEqual(told["groups"], groups)
            self.assertGreater(told["requests"], 0)

    def test_memory_of_members_is_told(self):
        self.start("--set", "group.initial.rebalance.delay.ms=0")
        told = self.bench("memory", "--groups", "20", "--members", "2", "--warm-up", "0s")
        self.assertGreater(told["resident_bytes_after"], 0)


if __name__ == "__main__":
    harness.main()
