"""A daemon under the load of real clients (librdkafka, kcat, the CLI), and a ledger of what it has promised them.

Topics: `durable`; `cached`, which leaves syncing to the kernel; `compacted`; `short`, which soon deletes. Segments are
closed every second, compaction and retention run all the time, topics come and go, a group commits offsets.
"""

import collections
import os
import queue
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "end_to_end"))
import harness
import rdkafka

Topic = collections.namedtuple("Topic", "name partitions configs keeps_all is_durable")
TOPICS = (
    Topic("durable", 3, {"segment.ms": 1000}, True, True),
    Topic("cached", 2, {"segment.ms": 1000, "flush.messages": 9223372036854775807}, True, False),
    Topic("compacted", 2, {"segment.ms": 1000, "cleanup.policy": "compact", "min.cleanable.dirty.ratio": 0.01}, False, True),
    Topic("short", 1, {"segment.ms": 1000, "retention.ms": 2000, "file.delete.delay.ms": 500}, False, True),
)
SETTINGS = ("log.retention.check.interval.ms=300", "log.cleaner.backoff.ms=100",
            "log.flush.offset.checkpoint.interval.ms=700", "log.flush.start.offset.checkpoint.interval.ms=700",
            "offsets.topic.num.partitions=4")
KEYS = 40
MOST_UNDER_WAY = 300


class Broken(Exception):
    """A promise that was not kept."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_a_moment(changed, come_so_far, most, chance, failures):
    """Until clients have come further by a random number below `most`, and then to any phase of what is under way. `changed`:
    the condition that is told when come_so_far() is another."""
    give_up = time.monotonic() + 120
    with changed:
        enough = come_so_far() + chance.randrange(1, most)
        while come_so_far() < enough and failures.empty():
            if time.monotonic() > give_up:
                raise Broken("the broker answers no more")
            changed.wait(0.1)
    # Nothing is waited for by this: without it what comes next would always come right behind an answer.
    time.sleep(chance.random() * 0.01)


class Ledger:
    def __init__(self):
        self._lock = threading.Condition()
        self.acknowledged = collections.defaultdict(dict)  # (topic, partition) -> offset -> value
        self.committed = {}
        self.created = set()
        self.deleted = set()
        self.acknowledgements = 0
        self.life = 0
        self.failures = queue.Queue()

    def wait_for_a_moment(self, chance, most):
        """In which records are acknowledged."""
        wait_for_a_moment(self._lock, lambda: self.acknowledgements, most, chance, self.failures)

    def power_is_cut(self, places):
        """What these have acknowledged is promised no more, nor what is told late."""
        with self._lock:
            self.life += 1
            for place in places:
                self.acknowledged[place].clear()

    def store(self, place, offset, value, sent_in=None):
        """`sent_in`: the life of the machine that it was sent in, where no other may count."""
        with self._lock:
            if sent_in is not None and sent_in != self.life:
                return
            before = self.acknowledged[place].setdefault(offset, value)
            self.acknowledgements += 1
            self._lock.notify_all()
        if before != value:
            self.failures.put(f"{place} at offset {offset}: {before[:40]} is promised, and so is {value[:40]}")


class Clients:
    """Threads that work until stop(), whatever becomes of the broker; what one fails of is told to who watches the ledger."""

    def __init__(self, ledger):
        self.ledger = ledger
        self._stop = threading.Event()
        self._work = threading.Event()
        self._work.set()
        self.threads = []

    def _start(self, *works):
        """Each with its arguments, once all that they need is there."""
        self.threads = [threading.Thread(target=self._guarded, args=work, daemon=True) for work in works]
        for thread in self.threads:
            thread.start()

    def pause(self):
        """Nothing new is begun; what is under way goes on."""
        self._work.clear()

    def go_on(self):
        self._work.set()

    def stop(self):
        """Everything that was sent is acknowledged when this returns."""
        self._stop.set()
        self._work.set()
        for thread in self.threads:
            thread.join(120)
            if thread.is_alive():
                raise Broken("a client does not come to an end")

    def _guarded(self, work, *arguments):
        try:
            work(*arguments)
        except Exception as failure:  # told by whoever watches the ledger
            self.ledger.failures.put(f"{work.__name__}: {failure!r}")


class Load(Clients):
    """Producers of all kinds, a group that commits offsets, and topics that come and go."""

    def __init__(self, address, ledger, seed, topics=TOPICS):
        super().__init__(ledger)
        self.address = address
        self.topics = topics
        self.random = random.Random(seed)
        self._start((self._produce, 0, True), (self._produce, 1, True), (self._produce, 2, False), (self._commit,),
                    (self._administer,))

    def _produce(self, index, idempotent):
        """Idempotent producers write where nothing may be lost; the other one, which may write twice, to the rest."""
        chosen = [topic for topic in self.topics if topic.is_durable == idempotent]
        next_number = collections.Counter()

        def told(mine, error, offset):
            place, value, life = mine
            if error == rdkafka.ACKNOWLEDGED:
                self.ledger.store(place, offset, value, life)
            else:
                self.ledger.failures.put(f"producer {index}: {place}: {rdkafka.error_text(error)}")

        producer = rdkafka.Producer(self.address, told, enable_idempotence=str(idempotent).lower(),
                                    queue_buffering_max_messages=3000)
        while not self._stop.is_set():
            for _ in range(self.random.randrange(1, 40) if self._work.is_set() and producer.waiting() < MOST_UNDER_WAY else 0):
                topic = self.random.choice(chosen)
                place = (topic.name, self.random.randrange(topic.partitions))
                number = next_number[place]
                value = b"%d %d %s" % (index, number, b"." * self.random.randrange(400))
                key = b"key %d" % (number % KEYS) if topic.name == "compacted" else None
                life = None if topic.is_durable else self.ledger.life
                if producer.send(*place, value, (place, value, life), key):
                    next_number[place] += 1
            producer.poll(self.random.randrange(5, 20))
            if producer.fatal():
                raise Broken(f"producer {index}: {producer.fatal()}")
        give_up = time.monotonic() + 60
        while producer.waiting() and time.monotonic() < give_up:
            producer.poll(100)
        if producer.waiting():
            raise Broken(f"producer {index}: {producer.waiting()} records are not acknowledged")

    def _commit(self):
        group = rdkafka.Group(self.address, "ledger")
        offset = 0
        while self._work.wait() and not self._stop.is_set():
            offset += self.random.randrange(1, 50)
            if group.commit("durable", 0, offset) == 0:
                self.ledger.committed["durable", 0] = offset
            else:
                time.sleep(0.02)

    def _administer(self):
        number = 0
        while self._work.wait() and not self._stop.is_set():
            number += 1
            name = f"passing-{number}"
            if self._cli("topic", "create", name, "--partitions", "2"):
                self.ledger.created.add(name)
            old = f"passing-{number - 3}"
            if old in self.ledger.created:
                self.ledger.created.discard(old)
                if self._cli("topic", "delete", old):
                    self.ledger.deleted.add(old)

    def _cli(self, *arguments):
        try:
            return subprocess.run([os.path.join(harness.PROGRAMS, "tidelog"), "-b", self.address, *arguments],
                                  capture_output=True, timeout=30).returncode == 0
        except subprocess.TimeoutExpired:
            return False


class Broker:
    """The daemon on one directory and one port, through all its lives."""

    def __init__(self, directory, *arguments, journal_bytes=8 << 20, wrapper=()):
        self.directory = directory
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        # Small, so that the journal goes around, and so that a small image has room for it.
        settings = (f"log.commit.journal.bytes={journal_bytes}", *SETTINGS)
        self.arguments = [part for setting in settings for part in ("--set", setting)] + list(arguments)
        self.wrapper = wrapper
        self.daemon = None
        self.ready_seconds = []

    def spawn(self):
        """Does not wait until it serves."""
        self.daemon = harness.Daemon(self.directory, *self.arguments, listen=self.address, wrapper=self.wrapper)

    def start(self, topics=()):
        began = time.monotonic()
        self.spawn()
        self.daemon.ready()
        self.ask()
        self.ready_seconds.append(time.monotonic() - began)
        for topic in topics:
            options = [part for name, value in topic.configs.items() for part in ("--config", f"{name}={value}")]
            self.tidelog("topic", "create", topic.name, "--partitions", str(topic.partitions), *options)

    def ask(self):
        """What every client asks first: which requests are understood (ApiVersions, version 0)."""
        with socket.create_connection(("127.0.0.1", self.port), harness.PATIENCE) as connection:
            connection.sendall(struct.pack(">ihhih", 10, 18, 0, 1, -1))
            if len(connection.recv(4, socket.MSG_WAITALL)) != 4:
                raise Broken("the port does not answer")

    def kill(self):
        self.daemon.kill()
        self.daemon.close()

    def stop(self):
        code = self.daemon.stop()
        log = self.daemon.log()
        self.daemon.close()
        if code != 0:
            raise Broken(f"the daemon ended with {code}:\n{log}")

    def tidelog(self, *arguments):
        return harness.run([os.path.join(harness.PROGRAMS, "tidelog"), "-b", self.address, *arguments]).stdout.decode()

    def read(self, topic, partition, offset):
        """(offset, value) of what a consumer gets from `offset` on, to the end."""
        out = harness.run([shutil.which("kcat"), "-C", "-b", self.address, "-t", topic, "-p", str(partition), "-o", str(offset),
                           "-X", "fetch.wait.max.ms=10", "-e", "-q", "-f", "%o %k|%s\n"]).stdout
        records = []
        for line in out.splitlines():
            head, _, value = line.partition(b"|")
            at, _, key = head.partition(b" ")
            records.append((int(at), key, value))
        return records

    def read_all(self, topic, partitions):
        """Of each partition, (offset, key, value) from its beginning to its end."""
        reader = rdkafka.Reader(self.address, checks_checksums=True)
        try:
            read = reader.read_all(topic, partitions, harness.PATIENCE)
        finally:
            reader.close()
        return [[(offset, b"", value) for offset, value in records] for records in read]


class Checker:
    """Holds the ledger against the broker after each start. What was checked once is looked at again at the end."""

    OVERLAP = 200
    # Partitions of a topic; those of larger ones are read all at once.
    READ_ONE_BY_ONE = 100

    def __init__(self, broker, ledger, topics=TOPICS):
        self.broker = broker
        self.ledger = ledger
        self.topics = topics
        self._checked = collections.Counter()
        self._last_number = {}

    def check(self, everything=False):
        for topic in self.topics:
            if topic.partitions > self.READ_ONE_BY_ONE:
                promised = [dict(self.ledger.acknowledged[topic.name, partition]) for partition in range(topic.partitions)]
                for partition, stored in enumerate(self.broker.read_all(topic.name, topic.partitions)):
                    self._check_stored(topic, partition, 0, promised[partition], stored)
                continue
            for partition in range(topic.partitions):
                promised = dict(self.ledger.acknowledged[topic.name, partition])
                begin = 0 if everything else max(0, self._checked[topic.name, partition] - self.OVERLAP)
                stored = self.broker.read(topic.name, partition, begin if topic.keeps_all else "beginning")
                self._check_stored(topic, partition, begin, promised, stored)
        listed = self.broker.tidelog("topic", "list", "-o", "json")
        for name in self.ledger.created:
            if f'"{name}"' not in listed:
                raise Broken(f"topic {name} was created and is gone")
        for name in self.ledger.deleted:
            if f'"{name}"' in listed:
                raise Broken(f"topic {name} was deleted and is there")
        for (topic, partition), promised in dict(self.ledger.committed).items():
            told = rdkafka.Group(self.broker.address, "ledger").committed(topic, partition, 30_000)
            if told < promised:
                raise Broken(f"offset {promised} of {topic}-{partition} was committed, {told} is told")
        if not self.ledger.failures.empty():
            raise Broken(self.ledger.failures.get())

    def power_is_cut(self):
        """Before the next start: what no sync has confirmed is promised no more."""
        self.ledger.power_is_cut([(topic.name, partition) for topic in self.topics if not topic.is_durable
                                  for partition in range(topic.partitions)])

    def _check_stored(self, topic, partition, begin, promised, stored):
        place = (topic.name, partition)
        values = {offset: value for offset, _, value in stored}
        end = stored[-1][0] + 1 if stored else 0
        first = stored[0][0] if stored else 0
        for offset, value in promised.items():
            if offset < begin or topic.name == "short" and offset < first or offset not in values and not topic.keeps_all:
                continue
            if offset not in values:
                raise Broken(f"{place} at offset {offset}: {value[:40]} was acknowledged and is gone; the log ends at {end}")
            if values[offset] != value:
                raise Broken(f"{place} at offset {offset}: {value[:40]} was acknowledged, {values[offset][:40]} is there")
        if topic.keeps_all and [offset for offset, _, _ in stored] != list(range(begin, begin + len(stored))) and stored:
            raise Broken(f"{place}: offsets have holes between {first} and {end}")
        if topic.name == "compacted":
            self._check_last_values(place, promised, stored)
        self._check_order(place, stored)
        self._checked[place] = end

    @staticmethod
    def _check_last_values(place, promised, stored):
        last = {}
        for offset, value in promised.items():
            key = b"key %d" % (int(value.split()[1]) % KEYS)
            if offset > last.get(key, (-1, b""))[0]:
                last[key] = (offset, value)
        there = {key: offset for offset, key, _ in stored}
        for key, (offset, value) in last.items():
            if there.get(key, -1) < offset:
                raise Broken(f"{place}: the last value of {key}, {value[:40]} at offset {offset}, is gone")

    @staticmethod
    def _check_order(place, stored):
        """What one producer sent stands there once, in its order."""
        numbers = collections.defaultdict(lambda: -1)
        for offset, _, value in stored:
            producer, number = value.split()[:2]
            # Producer 2 is not idempotent: what it sends again may stand there twice.
            if producer == b"2":
                continue
            if int(number) <= numbers[producer]:
                raise Broken(f"{place} at offset {offset}: record {int(number)} of producer {producer.decode()} after {numbers[producer]}")
            numbers[producer] = int(number)
