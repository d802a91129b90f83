"""The admin CLI against a real daemon."""

import glob
import json
import os

import harness
from harness import lines

FAILED, USAGE, UNREACHABLE, NOT_FOUND, EXISTS, DAMAGED, REPAIRABLE, LOCKED = 1, 2, 3, 4, 5, 7, 8, 9


class CliTest(harness.BrokerTest):
    def test_the_life_of_a_topic(self):
        self.start()
        self.tidelog("topic", "create", "orders", "--partitions", "2", "--config", "retention.ms=1000000")
        self.tidelog("topic", "create", "orders", expect=EXISTS)
        self.tidelog("topic", "create", "orders", "--if-not-exists")
        listed = self.tidelog_json("topic", "list")
        self.assertEqual([(topic["topic"], topic["partitions"]) for topic in listed], [("orders", 2)])
        described = self.tidelog_json("topic", "describe", "orders")[0]
        self.assertEqual(described["configs"], {"retention.ms": "1000000"})
        self.assertEqual([p["partition"] for p in described["partitions"]], [0, 1])
        self.assertEqual(described["id"], listed[0]["id"])
        self.tidelog("topic", "alter", "orders", "--partitions", "4", "--config", "segment.bytes=2000000",
                     "--delete-config", "retention.ms")
        described = self.tidelog_json("topic", "describe", "orders")[0]
        self.assertEqual(described["configs"], {"segment.bytes": "2000000"})
        self.assertEqual(len(described["partitions"]), 4)
        self.tidelog("topic", "alter", "orders", "--partitions", "2", expect=FAILED)
        self.tidelog("topic", "delete", "orders")
        self.assertEqual(self.tidelog_json("topic", "list"), [])
        self.tidelog("topic", "describe", "orders", expect=NOT_FOUND)
        self.tidelog("topic", "delete", "orders", expect=NOT_FOUND)
        self.tidelog("topic", "delete", "orders", "--if-exists")

    def test_a_topic_made_again_is_empty(self):
        self.start()
        for _ in range(3):
            self.create("orders")
            self.tidelog("produce", "orders", stdin=b"a\nb\n")
            self.assertEqual(self.tidelog("consume", "orders").stdout, b"a\nb\n")
            self.tidelog("topic", "delete", "orders")

    def test_bad_topics_are_refused_with_a_reason(self):
        self.start()
        for arguments, reason in ((("a b",), b"a b"), (("t", "--config", "no.such=1"), b"no.such"),
                                  (("t", "--config", "retention.ms=soon"), b"retention.ms")):
            refused = self.tidelog("topic", "create", *arguments, expect=FAILED)
            self.assertIn(reason, refused.stderr)
        self.assertEqual(self.tidelog_json("topic", "list"), [])

    def test_configs_are_set_and_unset(self):
        self.start()
        self.create("orders")

        def value(resource, name):
            entry, = self.tidelog_json("config", "get", resource, name)
            return entry["value"]

        before = value("topic:orders", "retention.ms")
        self.tidelog("config", "set", "topic:orders", "retention.ms=12345", "cleanup.policy=compact")
        self.assertEqual(value("topic:orders", "retention.ms"), "12345")
        self.assertEqual({entry["name"] for entry in self.tidelog_json("config", "get", "topic:orders")}
                         & {"retention.ms", "cleanup.policy"}, {"retention.ms", "cleanup.policy"})
        self.tidelog("config", "unset", "topic:orders", "retention.ms")
        self.assertEqual(value("topic:orders", "retention.ms"), before)
        self.tidelog("config", "set", "broker:default", "log.retention.ms=777777")
        self.assertEqual(value("topic:orders", "retention.ms"), "777777")
        self.tidelog("config", "set", "topic:orders", "retention.ms=later", expect=FAILED)
        self.tidelog("config", "get", "topic:nothing", expect=NOT_FOUND)
        self.tidelog("config", "set", "orders", "retention.ms=1", expect=USAGE)
        self.daemon.kill()
        self.start()
        self.assertEqual(value("topic:orders", "retention.ms"), "777777")
        self.assertEqual(value("topic:orders", "cleanup.policy"), "compact")

    def test_records_are_produced_and_consumed_in_every_compression(self):
        self.start()
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            self.create(codec)
            self.tidelog("produce", codec, self.write("text", lines(2000)), "--compression", codec)
            self.assertEqual(self.tidelog("consume", codec).stdout, lines(2000))
            self.assertEqual(self.receive(codec), lines(2000))

    def test_records_are_consumed_from_where_and_as_many_as_asked(self):
        self.start()
        self.create("orders")
        self.tidelog("produce", "orders", stdin=b"k0=v0\nk1=v1\nv2\n", *["--key-separator", "=", "-H", "lang=en"])
        consume = lambda *options: self.tidelog("consume", "orders", *options).stdout
        self.assertEqual(consume("--from", "1"), b"v1\nv2\n")
        self.assertEqual(consume("--from", "end-1"), b"v2\n")
        self.assertEqual(consume("--count", "2"), b"v0\nv1\n")
        self.assertEqual(consume("--from", "end"), b"")
        self.assertEqual(consume("--from", "time:-1h"), b"v0\nv1\nv2\n")
        self.assertEqual(consume("--format", "%o/%p/%k=%v %h\\n", "--count", "1"), b"0/0/k0=v0 lang=en\n")
        records = [json.loads(line) for line in consume("--output", "json").splitlines()]
        self.assertEqual([(r["offset"], r["key"], r["value"]) for r in records],
                         [(0, "k0", "v0"), (1, "k1", "v1"), (2, None, "v2")])
        self.tidelog("consume", "nothing", expect=NOT_FOUND)
        self.tidelog("consume", "orders", "--from", "yesterday-ish", expect=USAGE)

    def test_keys_go_where_every_other_client_sends_them(self):
        self.start()
        self.create("ours", partitions=7)
        self.create("theirs", partitions=7)
        text = b"".join(b"key-%d:value\n" % i for i in range(200))
        self.tidelog("produce", "ours", "--key-separator", ":", stdin=text)
        self.kcat("-P", "-t", "theirs", "-K:", "-X", "partitioner=murmur2_random", "-l", self.write("text", text))
        places = lambda topic: sorted(self.tidelog("consume", topic, "--format", "%k %p\\n").stdout.splitlines())
        self.assertEqual(places("ours"), places("theirs"))

    def test_offsets_are_listed_and_records_deleted(self):
        self.start()
        self.create("orders", partitions=2)
        for partition, count in ((0, 10), (1, 4)):
            self.tidelog("produce", "orders", "--partition", str(partition), stdin=lines(count))
        ends = lambda: [(p["partition"], p["begin"], p["end"]) for p in self.tidelog_json("offset", "list", "orders")]
        self.assertEqual(ends(), [(0, 0, 10), (1, 0, 4)])
        self.assertEqual([p["offset"] for p in self.tidelog_json("offset", "list", "orders", "--at", "-1h")], [0, 0])
        self.tidelog("record", "delete", "orders", "--partition", "0", "--before", "6")
        self.assertEqual(ends(), [(0, 6, 10), (1, 0, 4)])
        self.assertEqual(self.tidelog("consume", "orders", "-p", "0").stdout, lines(4, start=6))
        self.tidelog("record", "delete", "orders", "--partition", "0", "--before", "11", expect=NOT_FOUND)
        self.tidelog("record", "delete", "orders", "--before", "end")
        self.assertEqual(ends(), [(0, 10, 10), (1, 4, 4)])
        self.daemon.kill()
        self.start()
        self.assertEqual(ends(), [(0, 10, 10), (1, 4, 4)])

    def test_the_cluster_tells_about_itself(self):
        self.start()
        self.create("orders", partitions=3)
        info = self.tidelog_json("cluster", "info")
        host, port = self.daemon.address.split(":")
        self.assertEqual([(b["id"], b["host"], b["port"]) for b in info["brokers"]], [(1, host, int(port))])
        self.assertEqual((info["topics"], info["partitions"]), (1, 3))
        self.assertEqual([d["path"] for d in info["log_dirs"]], [self.data])
        self.assertEqual([v["id"] for v in info["quorum"]["voters"]], [1])
        self.assertIn(info["cluster_id"].encode(), self.tidelog("cluster", "info").stdout)

    def test_files_are_dumped_and_damage_is_told(self):
        self.start()
        self.create("orders", segment_bytes=1048576, index_interval_bytes=100)
        self.tidelog("produce", "orders", "--batch-bytes", "2000", stdin=lines(3000))
        self.assertEqual(self.daemon.stop(), 0)
        files = sorted(glob.glob(os.path.join(self.data, "orders-0", "0*")))
        for kind in (".log", ".index", ".timeindex", ".snapshot"):
            self.assertTrue([file for file in files if file.endswith(kind)], kind)
        logs = [file for file in files if file.endswith(".log")]
        self.assertGreater(len(logs), 1)
        records = 0
        for file in files:
            for line in self.tidelog("log", "dump", file, "--output", "json").stdout.splitlines():
                document = json.loads(line)
                records += document.get("records", 0) if file.endswith(".log") else 0
        self.assertEqual(records, 3000)
        self.assertIn(b"00000000 ", self.tidelog("log", "dump", logs[0], "--records").stdout)
        with open(logs[0], "r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 8)
        self.tidelog("log", "dump", logs[0], expect=DAMAGED)
        self.tidelog("log", "dump", os.path.join(self.data, "nothing.log"), expect=NOT_FOUND)

    def test_a_daemons_directory_is_verified_and_repaired(self):
        self.start()
        self.create("orders", segment_bytes=1048576, index_interval_bytes=100)
        self.create("latest", cleanup_policy="compact")
        self.tidelog("produce", "orders", "--batch-bytes", "2000", "--compression", "lz4", stdin=lines(3000))
        self.tidelog("produce", "latest", "--key-separator", ":", stdin=b"a:1\nb:2\na:3\n")
        self.tidelog("consume", "orders", "--group", "billing", "--count", "100")
        self.tidelog("log", "verify", self.data, expect=LOCKED)
        self.tidelog("log", "repair", self.data, "--execute", expect=LOCKED)
        self.assertEqual(self.daemon.stop(), 0)
        verified = self.tidelog("log", "verify", self.data, "-o", "json").stdout
        summary = json.loads(verified.splitlines()[-1])["summary"]
        self.assertEqual(summary["verdict"], "clean", verified)
        self.assertGreater(summary["records"], 3003)
        dumped = self.tidelog("log", "dump", self.data, "--records").stdout
        for part in (b'"name":"orders"', b'"name":"OffsetCommit"', b'"group":"billing"', b'"name":"RegisterBroker"'):
            self.assertIn(part, dumped)
        # A tail that was being written when the power went, and an index of other bytes.
        log = os.path.join(self.data, "orders-0", "0" * 20 + ".log")
        with open(log, "ab") as file:
            file.write(b"\0" * 100)
        with open(log.replace(".log", ".index"), "r+b") as file:
            file.write(b"\x01" * 16)
        self.tidelog("log", "verify", self.data, expect=REPAIRABLE)

        def content():
            with open(log, "rb") as file:
                return file.read()

        before = content()
        self.tidelog("log", "repair", self.data, expect=REPAIRABLE)
        self.assertEqual(content(), before)
        self.tidelog("log", "repair", self.data, "--execute")
        self.assertEqual(content(), before[:-100])
        kept = glob.glob(os.path.join(self.data, "tidelog-repair-*", "orders-0", "*"))
        self.assertEqual(sorted(os.path.basename(name).split(".", 1)[1].split(".")[0] for name in kept),
                         ["index", "log"])
        self.tidelog("log", "verify", self.data)
        # A record that is lost stays reported; the others are served.
        with open(log, "r+b") as file:
            file.seek(80)
            file.write(b"\xff" * 8)
        self.tidelog("log", "verify", self.data, expect=DAMAGED)
        self.tidelog("log", "repair", self.data, "--execute", expect=DAMAGED)
        self.start()
        served = self.tidelog("consume", "orders", "--from", "2000", "--count", "1000").stdout
        self.assertEqual(served, b"".join(lines(3000).splitlines(True)[2000:]))

    def test_mistakes_end_with_their_own_code(self):
        self.start()
        self.tidelog(expect=USAGE)
        self.tidelog("topic", expect=USAGE)
        self.tidelog("topic", "create", expect=USAGE)
        self.tidelog("topic", "list", "--no-such-option", expect=USAGE)
        self.daemon.stop()
        self.tidelog("topic", "list", "--timeout", "1s", expect=UNREACHABLE)

    def test_errors_are_json_too_when_that_is_asked_for(self):
        self.start()
        failed = self.tidelog("topic", "describe", "nothing", "--output", "json", expect=NOT_FOUND)
        self.assertEqual(json.loads(failed.stderr)["error"]["exit_code"], NOT_FOUND)

    def test_the_bootstrap_address_may_come_from_the_environment(self):
        self.start()
        self.create("orders")
        done = harness.run([os.path.join(harness.PROGRAMS, "tidelog"), "topic", "list"],
                           environment={"TIDELOG_BOOTSTRAP": self.daemon.address})
        self.assertIn(b"orders", done.stdout)


if __name__ == "__main__":
    harness.main()
