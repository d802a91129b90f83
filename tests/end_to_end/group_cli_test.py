"""The commands of the admin CLI that look after consumer groups."""

import json
import subprocess
import time

import harness

FAILED, USAGE, NOT_FOUND = 1, 2, 4
GROUP, TOPIC = "readers", "orders"


class GroupCliTest(harness.BrokerTest):
    def begin(self):
        """A topic with ten and five records, and a group that has read them and is gone."""
        self.start("--set", "group.initial.rebalance.delay.ms=0", "--set", "offsets.topic.num.partitions=3")
        self.create(TOPIC, 2)
        self.produce(0, 10)
        self.produce(1, 5)
        self.read_as(GROUP)

    def produce(self, partition, records, topic=TOPIC):
        self.tidelog("produce", topic, "--partition", str(partition), stdin=b"record\n" * records)

    def read_as(self, group, topic=TOPIC):
        return self.tidelog("consume", topic, "--group", group).stdout

    def committed(self, group=GROUP):
        rows = self.tidelog_json("group", "offsets", "export", group)
        return {(row["topic"], row["partition"]): row["offset"] for row in rows}

    def reset(self, *arguments, expect=0):
        return self.tidelog("group", "offsets", "reset", GROUP, *arguments, expect=expect)

    def check_reset(self, target, first, second, topics=("--topic", TOPIC)):
        """A dry run says what `--execute` does then, and does not do it."""
        before = self.committed()
        dry = json.loads(self.reset(*topics, *target, "--output", "json").stdout)[0]
        self.assertFalse(dry["executed"])
        self.assertEqual(self.committed(), before)
        done = json.loads(self.reset(*topics, *target, "--execute", "--output", "json").stdout)[0]
        self.assertTrue(done["executed"])
        self.assertEqual(done["offsets"], dry["offsets"])
        self.assertEqual({(row["topic"], row["partition"]): row["before"] for row in dry["offsets"]}, before)
        self.assertEqual(self.committed(), {(TOPIC, 0): first, (TOPIC, 1): second}, target)

    def active_member(self, *options):
        """A member of the group, which is there when this returns."""
        member = subprocess.Popen(["kcat", "-b", self.daemon.address, "-q", *options, "-G", GROUP, TOPIC],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def end():
            member.terminate()
            member.wait(harness.PATIENCE)

        self.addCleanup(end)
        until = time.monotonic() + harness.PATIENCE
        while self.tidelog_json("group", "describe", GROUP)[0]["state"] != "Stable" and time.monotonic() < until:
            time.sleep(0.02)
        return end

    def test_groups_are_listed_described_and_deleted(self):
        self.begin()
        self.produce(0, 7)
        row = {"group": GROUP, "type": "classic", "protocol_type": "consumer", "state": "Empty"}
        self.assertEqual(self.tidelog_json("group", "list"), [row])
        self.assertEqual(self.tidelog_json("group", "list", "--state", "empty", "--type", "classic"), [row])
        self.assertEqual(self.tidelog_json("group", "list", "--state", "Stable"), [])
        self.assertEqual(self.tidelog_json("group", "list", "--type", "consumer"), [])
        self.assertEqual(self.tidelog("group", "list").stdout.split(),
                         [b"GROUP", b"TYPE", b"PROTOCOL", b"STATE", GROUP.encode(), b"classic", b"consumer", b"Empty"])
        described = self.tidelog_json("group", "describe", GROUP)[0]
        self.assertEqual([(o["partition"], o["committed"], o["end"], o["lag"], o["member"]) for o in described["offsets"]],
                         [(0, 10, 17, 7, None), (1, 5, 5, 0, None)])
        self.assertEqual((described["lag"], described["state"], described["members"]), (7, "Empty", []))
        self.assertIn(b"total lag 7 over 2 partitions", self.tidelog("group", "describe", GROUP).stdout)
        # Offsets may be committed for the group without a name too.
        self.tidelog("group", "offsets", "reset", "", "--topic", TOPIC, "--to-latest", "--execute")
        self.assertEqual([each["group"] for each in self.tidelog_json("group", "describe", "--all")], ["", GROUP])
        self.assertIn(GROUP.encode(), self.tidelog("group", "describe", "--all", "--state").stdout)
        self.tidelog("group", "delete", "")
        missing = self.tidelog("group", "describe", "nobody", expect=NOT_FOUND)
        self.assertEqual(missing.stderr, b"tidelog: nobody: There is no such group. (GROUP_ID_NOT_FOUND)\n")
        self.tidelog("group", "describe", expect=USAGE)
        self.tidelog("group", "delete", "nobody", expect=NOT_FOUND)
        self.tidelog("group", "delete", "nobody", "--if-exists")
        # All that can be deleted are, whichever fails.
        outcome = self.tidelog("group", "delete", "nobody", GROUP, "--output", "json", expect=NOT_FOUND).stdout
        self.assertEqual([(row["group"], row["deleted"]) for row in json.loads(outcome)],
                         [("nobody", False), (GROUP, True)])
        self.assertEqual(self.tidelog_json("group", "list"), [])
        # A deleted group begins anew, also after a restart.
        self.daemon.kill()
        self.start()
        self.assertEqual(self.tidelog_json("group", "list"), [])
        self.assertEqual(self.read_as(GROUP), b"record\n" * 22)

    def test_members_are_described_and_keep_their_group(self):
        self.begin()
        leave = self.active_member("-X", "client.id=probe", "-X", "group.instance.id=me")
        described = self.tidelog_json("group", "describe", GROUP)[0]
        member, = described["members"]
        self.assertEqual((described["state"], described["assignor"]), ("Stable", "range"))
        self.assertEqual((member["client_id"], member["instance"], member["host"]), ("probe", "me", "/127.0.0.1"))
        self.assertEqual([at["partition"] for at in member["assigned"]], [0, 1])
        self.assertEqual({offset["member"] for offset in described["offsets"]}, {member["member"]})
        self.assertIn(b"orders:0,1", self.tidelog("group", "describe", GROUP, "--members").stdout)
        before = self.committed()
        self.tidelog("group", "delete", GROUP, expect=FAILED)
        refused = self.reset("--topic", TOPIC, "--to-earliest", "--execute", expect=FAILED)
        self.assertIn(b"1 member", refused.stderr)
        self.reset("--topic", TOPIC, "--to-earliest", expect=FAILED)
        self.tidelog("group", "offsets", "delete", GROUP, "--topic", TOPIC, expect=FAILED)
        self.assertEqual(self.committed(), before)
        leave()
        # A static member goes without a word, so the group is only free when its instance is taken out.
        self.tidelog("group", "delete", GROUP, expect=FAILED)

    def test_offsets_are_reset_to_every_kind_of_target(self):
        self.begin()
        everything = ("--all-topics",)
        self.check_reset(("--to-earliest",), 0, 0)
        self.check_reset(("--to-latest",), 10, 5)
        self.check_reset(("--to-offset", "7"), 7, 5)
        self.check_reset(("--shift-by", "-3"), 4, 2, everything)
        self.check_reset(("--shift-by", "1"), 5, 3, everything)
        self.check_reset(("--shift-by", "-9"), 0, 0, everything)
        self.check_reset(("--to-datetime", "2036-01-01T00:00:00Z"), 10, 5)
        self.check_reset(("--to-datetime", "2020-01-01"), 0, 0)
        between = int(time.time() * 1000) + 1
        while int(time.time() * 1000) <= between:
            pass
        self.produce(0, 3)
        self.check_reset(("--to-timestamp", str(between)), 10, 5)
        self.check_reset(("--by-duration", "PT1H"), 0, 0, everything)
        self.check_reset(("--by-duration", "0s"), 13, 5)
        self.reset("--topic", f"{TOPIC}:1", "--to-offset", "2", "--execute")
        self.assertEqual(self.committed(), {(TOPIC, 0): 13, (TOPIC, 1): 2})
        file = self.write("offsets.csv", b"orders,0,6\norders,1,1\n")
        self.check_reset(("--from-file", file), 6, 1, ())
        self.assertEqual(self.read_as(GROUP), b"record\n" * (13 - 6 + 5 - 1))
        # The daemon keeps them.
        self.check_reset(("--to-offset", "3"), 3, 3)
        self.daemon.kill()
        self.start()
        self.assertEqual(self.committed(), {(TOPIC, 0): 3, (TOPIC, 1): 3})

    def test_a_reset_that_makes_no_sense_is_refused(self):
        self.begin()
        before = self.committed()
        self.reset("--topic", TOPIC, expect=USAGE)
        self.reset("--to-earliest", expect=USAGE)
        self.reset("--topic", TOPIC, "--to-earliest", "--to-latest", expect=USAGE)
        self.reset("--topic", TOPIC, "--all-topics", "--to-latest", expect=USAGE)
        self.reset("--topic", f"{TOPIC}:x", "--to-latest", expect=USAGE)
        self.reset("--topic", "nothing", "--to-latest", "--execute", expect=NOT_FOUND)
        self.reset("--topic", f"{TOPIC}:7", "--to-latest", "--execute", expect=NOT_FOUND)
        self.reset("--from-file", self.path("no-file"), "--execute", expect=NOT_FOUND)
        self.reset("--from-file", self.write("bad", b"orders,0\n"), "--execute", expect=USAGE)
        self.assertEqual(self.committed(), before)
        # Offsets may be set before a group has ever read.
        self.tidelog("group", "offsets", "reset", "later", "--topic", TOPIC, "--to-offset", "4", "--execute")
        self.assertEqual(self.committed("later"), {(TOPIC, 0): 4, (TOPIC, 1): 4})
        self.assertEqual(self.read_as("later"), b"record\n" * 7)

    def test_offsets_move_from_one_daemon_to_another(self):
        self.begin()
        self.tidelog("group", "offsets", "reset", "others", "--topic", TOPIC, "--to-offset", "4", "--execute")
        one, all_of_them = self.path("one.csv"), self.path("all.csv")
        self.tidelog("group", "offsets", "export", GROUP, "--file", one)
        self.tidelog("group", "offsets", "export", GROUP, "others", "--file", all_of_them)
        with open(one, "rb") as file:
            self.assertEqual(file.read(), b"orders,0,10\norders,1,5\n")
        self.assertEqual(self.tidelog("group", "offsets", "export", GROUP).stdout, b"orders,0,10\norders,1,5\n")
        self.tidelog("group", "offsets", "export", "nobody", expect=NOT_FOUND)
        first = self.daemon
        self.daemon = self.spawn(directory=self.path("second")).ready()
        self.assertNotEqual(first.address, self.daemon.address)
        self.create(TOPIC, 2)
        self.produce(0, 20)
        self.produce(1, 20)
        self.tidelog("group", "offsets", "import", "--file", all_of_them)
        self.assertEqual(self.tidelog_json("group", "list"), [])
        self.tidelog("group", "offsets", "import", "--file", all_of_them, "--execute")
        self.assertEqual(self.committed(), {(TOPIC, 0): 10, (TOPIC, 1): 5})
        self.assertEqual(self.committed("others"), {(TOPIC, 0): 4, (TOPIC, 1): 4})
        self.tidelog("group", "offsets", "import", "--file", one, expect=USAGE)
        wrong = self.tidelog("group", "offsets", "import", "renamed", "--file", all_of_them, expect=USAGE)
        self.assertIn(b"has no offsets of renamed, but of others, readers", wrong.stderr)
        self.tidelog("group", "offsets", "import", "renamed", "--file", one, "--execute")
        self.assertEqual(self.committed("renamed"), {(TOPIC, 0): 10, (TOPIC, 1): 5})
        self.assertEqual(self.read_as("renamed"), b"record\n" * 25)

    def test_offsets_are_deleted(self):
        self.begin()
        self.tidelog("group", "offsets", "delete", GROUP, "--topic", f"{TOPIC}:0")
        self.assertEqual(self.committed(), {(TOPIC, 1): 5})
        deleted = self.tidelog_json("group", "offsets", "delete", GROUP, "--topic", TOPIC)
        self.assertEqual([(row["partition"], row["deleted"]) for row in deleted], [(0, True), (1, True)])
        self.tidelog("group", "offsets", "delete", "nobody", "--topic", TOPIC, expect=NOT_FOUND)
        self.tidelog("group", "offsets", "delete", GROUP, expect=USAGE)

    def test_the_rate_is_measured(self):
        self.begin()
        described = self.tidelog_json("group", "describe", GROUP, "--rate", "100ms")[0]
        self.assertEqual([(o["committed_per_s"], o["appended_per_s"]) for o in described["offsets"]], [(0, 0), (0, 0)])
        self.assertIn(b"0.0 committed/s", self.tidelog("group", "describe", GROUP, "--rate", "100ms").stdout)

    def test_offsets_of_a_deleted_topic_are_gone(self):
        self.begin()
        self.tidelog("topic", "delete", TOPIC)
        self.create(TOPIC, 2)
        self.produce(0, 3)
        self.assertEqual(self.read_as(GROUP), b"record\n" * 3)

    def test_the_topic_of_the_offsets_is_the_brokers(self):
        self.begin()
        self.assertEqual([topic["topic"] for topic in self.tidelog_json("topic", "list")], [TOPIC])
        internal, = (t for t in self.tidelog_json("topic", "list", "--internal") if t["internal"])
        self.assertEqual((internal["topic"], internal["partitions"]), ("__consumer_offsets", 3))
        configs = self.tidelog_json("topic", "describe", "__consumer_offsets")[0]["configs"]
        self.assertEqual(configs["cleanup.policy"], "compact")
        refused = self.tidelog("produce", "__consumer_offsets", stdin=b"no\n", expect=FAILED)
        self.assertIn(b"INVALID_TOPIC_EXCEPTION", refused.stderr)
        self.assertEqual(self.committed(), {(TOPIC, 0): 10, (TOPIC, 1): 5})
        # Whoever insists loses all offsets; groups go on, and the topic is made anew.
        self.tidelog("topic", "delete", "__consumer_offsets")
        self.assertEqual(self.tidelog_json("group", "list"), [])
        self.assertEqual(self.read_as(GROUP), b"record\n" * 15)
        self.assertEqual(self.committed(), {(TOPIC, 0): 10, (TOPIC, 1): 5})


if __name__ == "__main__":
    harness.main()
