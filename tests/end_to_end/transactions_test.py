"""Transactions as a user meets them: the admin CLI, and librdkafka that takes from one topic and gives to another."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import harness

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crash"))
import rdkafka

FAILED, USAGE, NOT_FOUND, INTERRUPTED = 1, 2, 4, 130
TOPIC, ID = "orders", "loader"
# More than the CLI reads of its input at a time, and many of its batches.
MUCH = harness.lines(2000)
COMMITTED = 'tidelog_transactions_total{outcome="committed"}'
ABORTED = 'tidelog_transactions_total{outcome="aborted"}'


class TransactionsTest(harness.BrokerTest):
    def begin(self, partitions=2):
        self.start_again()
        self.create(TOPIC, partitions)

    def start_again(self):
        self.start("--set", "metrics.listen=127.0.0.1:0", "--set", "offsets.topic.num.partitions=1",
                   "--set", "transaction.state.log.num.partitions=3", "--set", "group.initial.rebalance.delay.ms=0")

    def metric(self, series):
        address = self.daemon.wait_for_line(r"metrics on (http://\S+)").group(1)
        with urllib.request.urlopen(address, timeout=harness.PATIENCE) as answer:
            return float(re.search("^" + re.escape(series) + r" (\S+)$", answer.read().decode(), re.MULTILINE).group(1))

    def wait_until(self, holds, what):
        give_up = time.monotonic() + harness.PATIENCE
        while not holds():
            self.assertLess(time.monotonic(), give_up, what)
            time.sleep(0.02)

    def state(self, transactional_id=ID):
        return self.tidelog_json("transaction", "describe", transactional_id)[0]["state"]

    def wait_for_state(self, state, transactional_id=ID):
        """A producer is told of the decision; consumers see it when it stands in every partition."""
        self.wait_until(lambda: self.state(transactional_id) == state, f"{transactional_id} does not become {state}")

    def produce(self, content, *options, expect=0):
        return self.tidelog("produce", TOPIC, "--transactional-id", ID, *options, stdin=content, expect=expect)

    def records(self, isolation, topic=TOPIC):
        return sorted(self.tidelog("consume", topic, "--isolation", isolation).stdout.splitlines())

    def committed(self, topic=TOPIC):
        return self.records("read-committed", topic)

    def open_producer(self, content=MUCH, transactional_id=ID):
        """A `tidelog produce` that waits for more of its input, when records of its transaction are in all partitions."""
        before = len(self.records("read-uncommitted"))
        producer = subprocess.Popen(
            [os.path.join(harness.PROGRAMS, "tidelog"), "-b", self.daemon.address, "produce", TOPIC, "--transactional-id",
             transactional_id, "--batch-bytes", "16KB"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(producer.stderr.close)
        self.addCleanup(producer.stdin.close)
        self.addCleanup(producer.wait)
        self.addCleanup(producer.kill)
        producer.stdin.write(content)
        producer.stdin.flush()
        self.wait_until(lambda: len(self.open_from()) == 2, "no transaction is open in both partitions")
        self.assertGreater(len(self.records("read-uncommitted")), before)
        return producer

    def open_from(self):
        """Partition -> where a transaction begins that is open in it."""
        return {row["partition"]: row["transaction_start_offset"]
                for row in self.tidelog_json("transaction", "producers", TOPIC)
                if row["transaction_start_offset"] is not None}

    def end_input(self, producer, expect):
        _, complaint = producer.communicate(timeout=harness.PATIENCE)
        self.assertEqual(producer.returncode, expect, complaint)
        return complaint

    # The CLI.

    def test_a_file_is_one_transaction(self):
        self.begin()
        sent = harness.lines(300)
        told = json.loads(self.tidelog("produce", TOPIC, self.write("orders.txt", sent), "--transactional-id", ID,
                                       "--output", "json").stdout)
        self.assertEqual(told["records"], 300)
        self.wait_for_state("CompleteCommit")
        self.assertEqual(self.committed(), sent.splitlines())
        self.assertEqual(self.metric(COMMITTED), 1)
        self.assertEqual(self.open_from(), {})
        # Each partition has a marker behind the records.
        reader = rdkafka.Reader(self.daemon.address, checks_checksums=True)
        self.addCleanup(reader.close)
        for at in told["partitions"]:
            reader.read(TOPIC, at["partition"], 0, harness.PATIENCE)
            self.assertEqual(reader.end, at["end"] + 1)

    def test_standard_input_is_many_transactions(self):
        self.begin()
        sent = harness.lines(250)
        self.assertIn(b"250 records to orders", self.produce(sent, "--transaction-records", "100").stdout)
        self.wait_for_state("CompleteCommit")
        self.assertEqual(self.metric(COMMITTED), 3)
        self.assertEqual(self.committed(), sent.splitlines())

    def test_options_that_contradict_a_transaction_are_refused(self):
        self.begin()
        self.produce(b"x\n", "--no-idempotence", expect=USAGE)
        self.produce(b"x\n", "--acks", "1", expect=USAGE)
        self.produce(b"x\n", "--transaction-timeout", "2h", expect=FAILED)
        self.tidelog("produce", TOPIC, "--transaction-records", "10", stdin=b"x\n", expect=USAGE)
        self.tidelog("consume", TOPIC, "--isolation", "sometimes", expect=USAGE)
        self.assertEqual(self.records("read-uncommitted"), [])

    def test_an_interrupted_producer_takes_everything_back(self):
        self.begin()
        self.tidelog("produce", TOPIC, stdin=b"before\n")
        producer = self.open_producer()
        producer.send_signal(signal.SIGINT)
        self.assertEqual(producer.wait(harness.PATIENCE), INTERRUPTED)
        self.wait_for_state("CompleteAbort")
        self.assertEqual(self.committed(), [b"before"])
        seen = self.records("read-uncommitted")
        self.assertGreater(len(seen), 1)
        self.assertLessEqual(set(seen), {b"before", *MUCH.splitlines()})
        self.assertEqual((self.metric(COMMITTED), self.metric(ABORTED)), (0, 1))

    def test_a_second_producer_fences_the_first(self):
        self.begin()
        first = self.open_producer()
        self.produce(b"second\n")
        complaint = self.end_input(first, FAILED)
        self.assertRegex(complaint, rb"PRODUCER_FENCED|INVALID_PRODUCER_EPOCH")
        self.wait_for_state("CompleteCommit")
        self.assertEqual(self.committed(), [b"second"])
        self.assertEqual((self.metric(COMMITTED), self.metric(ABORTED)), (1, 1))

    def test_open_transactions_are_listed_and_described(self):
        self.begin()
        self.assertEqual(self.tidelog("transaction", "list").stdout, b"no transactions\n")
        self.assertEqual(self.tidelog("transaction", "producers", TOPIC).stdout, b"no producers\n")
        self.produce(b"done\n", "--partition", "0")
        self.wait_for_state("CompleteCommit")
        other = self.open_producer(transactional_id="other")
        done, opened = self.tidelog_json("transaction", "list")
        self.assertEqual((done["transactional_id"], done["state"]), (ID, "CompleteCommit"))
        self.assertEqual((opened["transactional_id"], opened["state"]), ("other", "Ongoing"))
        for filtered in (("--state", "Ongoing", "--older-than", "1"), ("--pattern", "o.*"),
                         ("--producer-id", str(opened["producer_id"]))):
            self.assertEqual(self.tidelog_json("transaction", "list", *filtered), [opened], filtered)
        self.assertEqual(self.tidelog_json("transaction", "list", "--older-than", "1h"), [])
        self.assertRegex(self.tidelog("transaction", "list").stdout,
                         rb"TRANSACTIONAL ID .*\nloader .*CompleteCommit\nother .*Ongoing\n")
        self.check_description(opened)
        self.check_producers(done, opened)
        # It runs: nothing hangs, whoever asks.
        self.assertEqual(self.tidelog("transaction", "find-hanging", "--max-transaction-timeout", "1").stdout,
                         b"no hanging transactions\n")
        self.end_input(other, 0)
        self.wait_for_state("CompleteCommit", "other")
        self.assertEqual(self.committed(), sorted([b"done", *MUCH.splitlines()]))

    def check_description(self, opened):
        described, = self.tidelog_json("transaction", "describe", "other")
        self.assertEqual([(at["topic"], at["partition"]) for at in described["partitions"]], [(TOPIC, 0), (TOPIC, 1)])
        self.assertEqual((described["state"], described["producer_id"], described["timeout_ms"]),
                         ("Ongoing", opened["producer_id"], 60_000))
        self.assertGreaterEqual(described["age_ms"], 0)
        self.assertIn(b"orders:0,1", self.tidelog("transaction", "describe", "other", ID).stdout)
        missing = self.tidelog("transaction", "describe", "nobody", expect=NOT_FOUND)
        self.assertIn(b"TRANSACTIONAL_ID_NOT_FOUND", missing.stderr)
        self.tidelog("transaction", "describe", expect=USAGE)
        self.tidelog("transaction", "list", "--pattern", "(", expect=USAGE)

    def check_producers(self, done, opened):
        rows = {(row["partition"], row["producer_id"]): row["transaction_start_offset"]
                for row in self.tidelog_json("transaction", "producers", TOPIC)}
        # The first record of the other producer stands behind a record and its marker.
        self.assertEqual(rows, {(0, done["producer_id"]): None, (0, opened["producer_id"]): 2, (1, opened["producer_id"]): 0})
        one = self.tidelog_json("transaction", "producers", TOPIC, "--partition", "1")
        self.assertEqual([row["producer_id"] for row in one], [opened["producer_id"]])
        self.assertRegex(self.tidelog("transaction", "producers", TOPIC).stdout, rb"TOPIC .*OPEN FROM\n")
        self.tidelog("transaction", "producers", "nothing", expect=NOT_FOUND)
        self.tidelog("transaction", "producers", TOPIC, "--partition", "2", expect=NOT_FOUND)

    def test_hanging_transactions_are_found_and_aborted(self):
        self.begin()
        producer = self.open_producer()
        producer.kill()
        producer.wait()
        self.tidelog("produce", TOPIC, stdin=b"behind\n" * 100)
        # The coordinator forgets everything.
        self.tidelog("topic", "delete", "__transaction_state")
        self.assertEqual(self.committed(), [])
        # By default it might still be on its way.
        self.assertEqual(self.tidelog_json("transaction", "find-hanging"), [])
        self.tidelog("transaction", "find-hanging", "--topic", "nothing", expect=NOT_FOUND)
        find = ("transaction", "find-hanging", "--topic", TOPIC, "--max-transaction-timeout", "1")
        found = self.tidelog_json(*find)
        self.assertEqual({row["partition"]: row["start_offset"] for row in found}, {0: 0, 1: 0})
        self.assertIn(b"tidelog transaction abort orders --partition 0 --start-offset 0\n", self.tidelog(*find).stdout)
        abort = ("transaction", "abort", TOPIC, "--partition")
        self.tidelog(*abort, "0", expect=USAGE)
        self.tidelog(*abort, "2", "--start-offset", "0", expect=NOT_FOUND)
        self.assertIn(b"begin at 0", self.tidelog(*abort, "0", "--start-offset", "1", expect=NOT_FOUND).stderr)
        self.assertIn(b"aborted the transaction of producer", self.tidelog(*abort, "0", "--start-offset", "0").stdout)
        second = next(row for row in found if row["partition"] == 1)
        self.assertTrue(self.tidelog_json(*abort, "1", "--producer-id", str(second["producer_id"]), "--producer-epoch",
                                          str(second["producer_epoch"]), "--coordinator-epoch", "0")["aborted"])
        self.assertEqual(self.tidelog_json(*find), [])
        self.assertEqual(self.committed(), [b"behind"] * 100)

    # A daemon that is killed.

    def test_an_open_transaction_outlives_a_kill_until_its_producer_starts_again(self):
        self.begin()
        self.produce(b"before\n")
        self.wait_for_state("CompleteCommit")
        producer = self.open_producer()
        self.tidelog("produce", TOPIC, stdin=b"behind\n" * 100)
        began = self.open_from()
        self.daemon.kill()
        producer.kill()
        producer.wait()
        self.start_again()
        self.assertEqual(self.state(), "Ongoing")
        self.assertEqual(self.open_from(), began)
        self.assertEqual(self.committed(), [b"before"])
        self.produce(b"after\n")
        self.wait_for_state("CompleteCommit")
        self.assertEqual(self.committed(), sorted([b"after", b"before", *[b"behind"] * 100]))
        self.assertEqual(self.open_from(), {})

    def test_an_open_transaction_is_aborted_after_its_timeout(self):
        self.start("--set", "transaction.abort.timed.out.transaction.cleanup.interval.ms=100",
                   "--set", "transaction.state.log.num.partitions=3", "--set", "metrics.listen=127.0.0.1:0")
        self.create(TOPIC, 1)
        producer = rdkafka.TransactionalProducer(self.daemon.address, ID, timeout=3)
        self.addCleanup(producer.close)
        producer.initialize(harness.PATIENCE)
        producer.begin()
        self.assertTrue(producer.send(TOPIC, 0, b"late", None))
        self.wait_until(lambda: self.records("read-uncommitted") == [b"late"], "the record is not stored")
        self.wait_for_state("CompleteAbort")
        self.assertEqual(self.metric('tidelog_transactions_total{outcome="timed_out"}'), 1)
        self.assertRaises(rdkafka.TransactionFailed, producer.commit, harness.PATIENCE)
        self.assertEqual((self.committed(), self.records("read-uncommitted")), ([], [b"late"]))

    # What is taken from one topic and given to another, by librdkafka.

    def move(self, member, producer, count):
        """Takes so many records and gives them on, with what has been taken, in a transaction that is not ended yet."""
        producer.begin()
        taken = {}
        moved = []

        def got_all():
            record = member.poll(50)
            if record:
                topic, partition, offset, value = record
                taken[topic, partition] = offset + 1
                moved.append(value)
                self.assertTrue(producer.send("moved", partition, b"moved " + value, None))
            return len(moved) == count

        self.wait_until(got_all, f"{len(moved)} of {count} records came")
        producer.send_offsets(taken, harness.PATIENCE, member=member)
        return moved

    def mover(self):
        member = rdkafka.Member(self.daemon.address, "movers", TOPIC)
        producer = rdkafka.TransactionalProducer(self.daemon.address, "mover")
        producer.initialize(harness.PATIENCE)
        return member, producer

    def committed_offset(self):
        """Of the group, over both partitions."""
        offsets = self.tidelog_json("group", "offsets", "export", "movers")
        return sum(row["offset"] for row in offsets)

    def test_records_are_moved_with_the_offsets_that_say_so(self):
        self.begin()
        self.create("moved", 2)
        for partition in ("0", "1"):
            self.tidelog("produce", TOPIC, "--partition", partition, stdin=harness.lines(50, 50 * int(partition)))
        member, producer = self.mover()
        first = self.move(member, producer, 40)
        producer.commit(harness.PATIENCE)
        self.wait_for_state("CompleteCommit", "mover")
        self.assertEqual(self.committed("moved"), sorted(b"moved " + value for value in first))
        self.assertEqual(self.committed_offset(), 40)
        self.move(member, producer, 30)
        producer.abort(harness.PATIENCE)
        self.wait_for_state("CompleteAbort", "mover")
        self.assertEqual((len(self.committed("moved")), self.committed_offset()), (40, 40))
        # The daemon is killed in the next one, and whoever moves, too.
        self.move(member, producer, 20)
        self.daemon.kill()
        self.start_again()
        producer.close()
        member, producer = self.mover()
        self.assertEqual((len(self.committed("moved")), self.committed_offset()), (40, 40))
        # The rest, from where the committed offsets say.
        self.move(member, producer, 60)
        producer.commit(harness.PATIENCE)
        self.wait_for_state("CompleteCommit", "mover")
        self.assertEqual(self.committed("moved"), [b"moved " + value for value in harness.lines(100).splitlines()])
        self.assertEqual(self.committed_offset(), 100)
        self.assertEqual(self.metric(COMMITTED), 1)
        member.close()
        producer.close()
        self.daemon.kill()
        self.start_again()
        self.assertEqual((len(self.committed("moved")), self.committed_offset()), (100, 100))


if __name__ == "__main__":
    harness.main()
