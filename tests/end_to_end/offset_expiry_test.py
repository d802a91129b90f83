"""Committed offsets whose time is over go by themselves, and stay gone."""

import socket
import struct

import harness

OFFSET_COMMIT = 8
TOPIC = "orders"


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


class OffsetExpiryTest(harness.BrokerTest):
    def begin(self):
        self.start("--set", "offsets.retention.check.interval.ms=50", "--set", "offsets.topic.num.partitions=1",
                   "--set", "group.initial.rebalance.delay.ms=0")

    def commit(self, group, retention_ms):
        """As clients do that say themselves how long their offsets are to be kept: version 2, for partition 0."""
        self.tidelog("group", "list")  # makes sure that groups are served
        body = (text(group) + struct.pack(">i", -1) + text("") + struct.pack(">qi", retention_ms, 1) + text(TOPIC)
                + struct.pack(">iiqh", 1, 0, 3, -1))
        message = struct.pack(">hhi", OFFSET_COMMIT, 2, 1) + text("test") + body
        host, port = self.daemon.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), harness.PATIENCE) as peer:
            peer.sendall(struct.pack(">i", len(message)) + message)
            with peer.makefile("rb") as answers:
                answer = answers.read(struct.unpack(">i", answers.read(4))[0])
        self.assertEqual(struct.unpack(">h", answer[-2:])[0], 0, answer)

    def groups(self):
        return {row["group"] for row in self.tidelog_json("group", "list")}

    def test_an_offset_goes_when_its_retention_is_over_and_does_not_come_back(self):
        self.begin()
        self.create(TOPIC)
        self.tidelog("produce", TOPIC, stdin=b"record\n" * 5)
        self.tidelog("consume", TOPIC, "--group", "kept")
        self.commit("long", 3_600_000)
        self.commit("short", 100)
        self.daemon.wait_for_line(r"group short: 1 offset\(s\) have expired")
        self.assertEqual(self.groups(), {"kept", "long"})
        # Also for whoever reads the log of groups anew.
        self.daemon.kill()
        self.begin()
        self.daemon.wait_for_line(r"__consumer_offsets-0: 2 group\(s\)")
        self.assertEqual(self.groups(), {"kept", "long"})


if __name__ == "__main__":
    harness.main()
