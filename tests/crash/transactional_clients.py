"""Transactional producers of librdkafka at work, a ledger of what they were told, and who holds the broker against it.

Every transaction writes the same values into every partition of every topic, and with some producers goes an offset of a
consumer group. So what became of it can be seen in each partition and must be the same everywhere. A value is
b"PRODUCER NUMBER INDEX ..." of the transaction's number and of the record in it.
"""

import collections
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time

import harness
import rdkafka
import real_clients
import transactional_producer
from real_clients import Broken, Topic
from transactional_producer import PARTITIONS

DURABLE = Topic("whole", PARTITIONS, {"segment.ms": 1000}, True, True)
CACHED = Topic("whole-cached", PARTITIONS, {"segment.ms": 1000, "flush.messages": 9223372036854775807}, True, False)
ALSO_DURABLE = Topic("whole-too", PARTITIONS, {}, True, True)
SOURCE = Topic(transactional_producer.SOURCE, 1, {}, True, True)
PRODUCERS = 4
PATIENCE = 60
# What a reader of what is committed may see of a transaction.
NOTHING, ALL_OR_NOTHING, ALL = "nothing", "all or nothing", "all"


class Transaction:
    def __init__(self, records, has_offset):
        self.records = records
        self.has_offset = has_offset
        self.promised = NOTHING


class Ledger:
    def __init__(self):
        self.transactions = collections.defaultdict(dict)  # producer -> number -> Transaction
        self._changed = threading.Condition()
        self.counts = collections.Counter()
        self.failed = collections.Counter()  # transactions that had to be given up, by what librdkafka said
        self.failures = queue.Queue()

    @property
    def ended(self):
        return self.counts["committed"] + self.counts["aborted"]

    def text(self):
        unanswered = sum(transaction.promised == ALL_OR_NOTHING for of_producer in self.transactions.values()
                         for transaction in of_producer.values())
        return (f"{self.counts['committed']} committed, {self.counts['aborted']} aborted, {unanswered} commits unanswered, "
                f"{self.counts['died']} producers died")

    def count(self, word):
        with self._changed:
            self.counts[word] += 1
            self._changed.notify_all()

    def wait_for_a_moment(self, chance):
        """In which transactions come to their ends."""
        real_clients.wait_for_a_moment(self._changed, lambda: self.ended, 120, chance, self.failures)


def broker(directory):
    return real_clients.Broker(directory, "--set", "transaction.state.log.num.partitions=4")


def wait_for_rest(at_rest, ledger):
    give_up = time.monotonic() + PATIENCE
    while not at_rest.wait(0.1):
        if not ledger.failures.empty():
            raise Broken(ledger.failures.get())
        if time.monotonic() > give_up:
            raise Broken("a client does not come to rest")


class Load:
    """Producers, each with a transactional id of its own, that begin, end, and die in the middle. At rest none has a
    transaction open: who died has started again."""

    def __init__(self, address, ledger, seed, topics):
        self.ledger = ledger
        self._arguments = (address, seed, [topic.name for topic in topics])
        self._lock = threading.Lock()
        self._is_working = True
        self._is_stopping = False
        self._processes = {}
        self._at_rest = [threading.Event() for _ in range(PRODUCERS)]
        self._threads = [threading.Thread(target=self._keep_alive, args=(index,), daemon=True) for index in range(PRODUCERS)]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def group_of(index):
        """The group that producer `index` commits offsets for, if it does."""
        return f"movers-{index}" if index % 2 else ""

    def rest(self):
        with self._lock:
            self._is_working = False
            self._say("rest")
        for at_rest in self._at_rest:
            wait_for_rest(at_rest, self.ledger)

    def go_on(self):
        with self._lock:
            self._is_working = True
            for at_rest in self._at_rest:
                at_rest.clear()
            self._say("go")

    def stop(self):
        with self._lock:
            self._is_stopping = True
            for process in self._processes.values():
                process.kill()
        for thread in self._threads:
            thread.join()

    def _say(self, word):
        for process in self._processes.values():
            self._say_to(process, word)

    @staticmethod
    def _say_to(process, word):
        try:
            os.write(process.stdin.fileno(), f"{word}\n".encode())
        except BrokenPipeError:
            pass  # The next one asks when it has started.

    def _keep_alive(self, index):
        try:
            while process := self._spawn(index):
                with process:
                    self._listen(index, process)
                self._note_end(index, process)
        except Exception as failure:  # told by whoever watches the ledger
            self.ledger.failures.put(f"producer {index}: {failure!r}")

    def _listen(self, index, process):
        try:
            for line in process.stdout:
                self._take(index, process, *line.rstrip("\n").split(" ", 2))
        finally:
            with self._lock:
                del self._processes[index]

    def _spawn(self, index):
        address, seed, topics = self._arguments
        number = len(self.ledger.transactions[index]) + 1
        with self._lock:
            if self._is_stopping:
                return None
            process = self._processes[index] = subprocess.Popen(
                [sys.executable, "-B", transactional_producer.__file__, address, str(index), str(number), str(seed),
                 self.group_of(index), *topics],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return process

    def _take(self, index, process, word, number="", more=""):
        transactions = self.ledger.transactions[index]
        if word == "resting":
            with self._lock:
                if self._is_working:
                    self._say_to(process, "go")
                else:
                    self._at_rest[index].set()
        elif word == "begin":
            transactions[int(number)] = Transaction(int(more), bool(self.group_of(index)))
        elif word == "commit":
            transactions[int(number)].promised = ALL_OR_NOTHING
        elif word == "failed":
            self.ledger.failed[more] += 1
        elif word == "broken":
            self.ledger.failures.put(f"producer {index} cannot go on: {number} {more}")
        else:
            if word == "committed":
                transactions[int(number)].promised = ALL
            self.ledger.count(word)

    def _note_end(self, index, process):
        if process.returncode == -signal.SIGABRT:
            self.ledger.failed["an assertion of librdkafka"] += 1
        elif process.returncode not in (transactional_producer.DIED, -signal.SIGKILL):
            self.ledger.failures.put(f"producer {index} ended with {process.returncode}")
        self.ledger.count("died")


class Follower(real_clients.Clients):
    """Reads all the time what is committed, and so what may never be taken back. At rest it has come to the end."""

    def __init__(self, address, ledger, places):
        super().__init__(ledger)
        self.shown = {place: [] for place in places}
        self._at_rest = threading.Event()
        self._start((self._follow, rdkafka.Reader(address, checks_checksums=True)))

    def rest(self):
        self.pause()
        wait_for_rest(self._at_rest, self.ledger)

    def go_on(self):
        self._at_rest.clear()
        super().go_on()

    def _follow(self, reader):
        position = dict.fromkeys(self.shown, 0)
        while not self._stop.is_set():
            is_last = not self._work.is_set()
            for place, shown in self.shown.items():
                records, error = reader.read(*place, position[place], PATIENCE)
                if error:
                    raise Broken(f"{place} is read from {position[place]} on: {rdkafka.error_text(error)}")
                shown += records
                position[place] = reader.end
            if is_last:
                self._at_rest.set()
                self._work.wait()
        reader.close()


class Checker:
    """Holds the ledger against the broker while all clients rest. What was checked once is looked at again at the end."""

    def __init__(self, broker, ledger, topics):
        self.broker = broker
        self.ledger = ledger
        self.places = [(topic.name, partition) for topic in topics for partition in range(topic.partitions)]
        self.left_out = 0
        self._begin = dict.fromkeys(self.places, 0)
        self._first_number = collections.Counter()
        self._last_offset = {}

    def check(self, follower=None, everything=False):
        self._wait_for_ends()
        begin = dict.fromkeys(self.places, 0) if everything else self._begin
        committed = self._read_committed(begin)
        if follower:
            follower.rest()
            self._check_shown(follower, begin, committed)
        self._check_transactions({place: [value for _, value in records] for place, records in committed.items()},
                                 collections.Counter() if everything else self._first_number)
        self._check_groups()
        if not self.ledger.failures.empty():
            raise Broken(self.ledger.failures.get())

    def _wait_for_ends(self):
        """A decision has been taken for every transaction; it stands in the partitions soon."""
        give_up = time.monotonic() + PATIENCE
        while True:
            rows = json.loads(self.broker.tidelog("transaction", "list", "-o", "json"))
            states = {row["transactional_id"]: row["state"] for row in rows}
            if "Ongoing" in states.values():
                raise Broken(f"a transaction is open, though its producer has started again: {states}")
            if not any(state.startswith("Prepare") for state in states.values()):
                return
            if time.monotonic() > give_up:
                raise Broken(f"transactions do not come to their ends: {states}")
            time.sleep(0.01)

    def _read_committed(self, begin):
        """Of each partition, (offset, value) from there on; fails where an open transaction holds it up."""
        readers = [rdkafka.Reader(self.broker.address, True, isolation) for isolation in ("read_committed", "read_uncommitted")]
        found, ends = {}, {}
        for place in self.places:
            (committed, end), (everything, last) = (self._read(reader, place, begin[place]) for reader in readers)
            if end != last:
                raise Broken(f"{place}: who reads what is committed stops at {end}, the log goes on to {last}, and no transaction "
                             "is open")
            if not set(committed) <= set(everything):
                raise Broken(f"{place}: records are committed that a reader of everything does not see")
            self.left_out += sum(offset >= self._begin[place] for offset, _ in set(everything) - set(committed))
            found[place], ends[place] = committed, end
        for reader in readers:
            reader.close()
        self._begin = ends
        return found

    @staticmethod
    def _read(reader, place, begin):
        records, error = reader.read(*place, begin, harness.PATIENCE)
        if error:
            raise Broken(f"{place} is read from {begin} on: {rdkafka.error_text(error)}")
        return records, reader.end

    @staticmethod
    def _check_shown(follower, begin, committed):
        """Whoever reads all the time was shown the same, each once and in order."""
        for place, all_shown in follower.shown.items():
            shown = [record for record in all_shown if record[0] >= begin[place]]
            if shown != committed[place]:
                other = sorted(set(shown) ^ set(committed[place]))[:3]
                raise Broken(f"{place}: a reader of what is committed was shown {len(shown)} records from {begin[place]} on, "
                             f"and {len(committed[place])} are committed; among the others are {other}")

    def _check_transactions(self, values, first_number):
        """`values`: of each partition, what is committed since those numbers."""
        found = {place: collections.defaultdict(list) for place in self.places}
        for place in self.places:
            for value in values[place]:
                producer, number, record = map(int, value.split(b" ")[:3])
                found[place][producer, number].append(record)
        for producer, transactions in self.ledger.transactions.items():
            last = len(transactions)
            for number in range(first_number[producer] + 1, last + 1):
                seen = [found[place].pop((producer, number), []) for place in self.places]
                self._check_transaction(producer, number, transactions[number], seen)
            self._first_number[producer] = last
        for place, others in found.items():
            if others:
                raise Broken(f"{place}: records of transactions that are none, or came before: {sorted(others)[:5]}")

    def _check_transaction(self, producer, number, transaction, seen):
        whole = list(range(transaction.records))
        is_all = all(records == whole for records in seen)
        is_nothing = not any(seen)
        if transaction.promised == ALL and not is_all or transaction.promised == NOTHING and not is_nothing \
                or not is_all and not is_nothing:
            raise Broken(f"transaction {number} of producer {producer}, {transaction.records} records: {transaction.promised} "
                         f"may be seen of it; {dict(zip(self.places, seen))} is seen")
        if is_all and transaction.has_offset:
            self._last_offset[producer] = number

    def _check_groups(self):
        for producer, promised in self._last_offset.items():
            group = Load.group_of(producer)
            described = json.loads(self.broker.tidelog("group", "describe", group, "-o", "json"))
            told = [row["committed"] for row in described[0]["offsets"]]
            if told != [promised]:
                raise Broken(f"group {group}: the records of transaction {promised} are the last that are there, "
                             f"the offset {told} is told")
