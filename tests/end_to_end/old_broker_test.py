"""Our client and brokers that are older, or not ready: a daemon behind a proxy that says so."""

import collections
import os
import socket
import struct
import subprocess
import threading
import time

import harness
from harness import PATIENCE, PROGRAMS

OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, JOIN, HEARTBEAT, LEAVE, SYNC = 8, 9, 10, 11, 12, 13, 14
DESCRIBE_GROUPS, LIST_GROUPS, API_VERSIONS, CONSUMER_GROUP_DESCRIBE = 15, 16, 18, 69
LOADING, NOT_AVAILABLE, NOT_COORDINATOR = 14, 15, 16
# Before requests about several groups, tagged fields, group types and the consumer protocol.
OLD = {OFFSET_COMMIT: 2, OFFSET_FETCH: 5, FIND_COORDINATOR: 1, JOIN: 1, HEARTBEAT: 0, LEAVE: 0, SYNC: 0,
       DESCRIBE_GROUPS: 0, LIST_GROUPS: 0}


def refusal(api, code, answer):
    """The body of an answer with that error, in the versions of OLD; `answer` is what the broker has answered."""
    if api == FIND_COORDINATOR:
        return struct.pack(">ihhihi", 0, code, -1, -1, 0, -1)
    if api == JOIN:
        return struct.pack(">hihhhi", code, -1, 0, 0, 0, 0)
    if api == SYNC:
        return struct.pack(">hi", code, 0)
    if api == OFFSET_FETCH:
        return struct.pack(">iih", 0, 0, code)
    if api == LIST_GROUPS:
        return struct.pack(">hi", code, 0)
    if api in (HEARTBEAT, LEAVE):
        return struct.pack(">h", code)
    assert api == OFFSET_COMMIT
    body, place = bytearray(answer), 4
    for _ in range(struct.unpack_from(">i", body)[0]):
        place += 2 + struct.unpack_from(">h", body, place)[0]
        partitions, = struct.unpack_from(">i", body, place)
        place += 4
        for _ in range(partitions):
            struct.pack_into(">h", body, place + 4, code)
            place += 6
    return bytes(body)


def limited(answer, newest):
    """An answer of ApiVersions (3 or later) that serves no more than `newest`, and no groups of the new protocol."""
    body, place = bytearray(answer), 2
    count, shift = 0, 0
    while True:
        byte = body[place]
        place += 1
        count |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    for _ in range(count - 1):
        api, _, highest = struct.unpack_from(">hhh", body, place)
        if api == CONSUMER_GROUP_DESCRIBE:
            struct.pack_into(">h", body, place, 30_000)
        struct.pack_into(">h", body, place + 4, min(highest, newest.get(api, highest)))
        place += 7
    return bytes(body)


class Proxy:
    """Takes requests one after the other; `refusals` has the errors that the next requests of an API get."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.refusals = collections.defaultdict(list)
        self.seen = collections.defaultdict(set)
        self.broker = None

    def begin(self, broker):
        host, port = broker.split(":")
        self.broker = (host, int(port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            with client, socket.create_connection(self.broker) as broker:
                while True:
                    request = read_frame(client)
                    api, version = struct.unpack_from(">hh", request)
                    self.seen[api].add(version)
                    body = b""
                    code = self.refusals[api].pop(0) if self.refusals[api] else 0
                    # A refused commit is made nevertheless, since its answer repeats the partitions.
                    if not code or api == OFFSET_COMMIT:
                        broker.sendall(struct.pack(">i", len(request)) + request)
                        body = read_frame(broker)[4:]
                    if api == API_VERSIONS:
                        body = limited(body, OLD)
                    if code:
                        body = refusal(api, code, body)
                    client.sendall(struct.pack(">i", 4 + len(body)) + request[4:8] + body)
        except OSError:
            pass


def read_frame(peer):
    def exactly(count):
        got = b""
        while len(got) < count:
            more = peer.recv(count - len(got))
            if not more:
                raise ConnectionError("closed")
            got += more
        return got
    return exactly(struct.unpack(">i", exactly(4))[0])


class OldBrokerTest(harness.BrokerTest):
    def setUp(self):
        super().setUp()
        self.proxy = Proxy()
        self.addCleanup(self.proxy.close)
        self.start("--set", f"advertised.listeners=PLAINTEXT://{self.proxy.address}",
                   "--set", "group.initial.rebalance.delay.ms=0", "--set", "offsets.topic.num.partitions=3")
        self.proxy.begin(self.daemon.address)
        self.daemon.address = self.proxy.address
        self.create("orders", 2)
        self.tidelog("produce", "orders", "--partition", "0", stdin=b"a\nb\n")
        self.tidelog("produce", "orders", "--partition", "1", stdin=b"c\n")

    def committed(self, group):
        return {row["partition"]: row["offset"] for row in self.tidelog_json("group", "offsets", "export", group)}

    def test_groups_are_read_and_looked_after_in_old_versions(self):
        self.assertEqual(sorted(self.tidelog("consume", "orders", "--group", "g").stdout.split()), [b"a", b"b", b"c"])
        self.assertEqual(self.committed("g"), {0: 2, 1: 1})
        self.tidelog("group", "offsets", "reset", "g", "--all-topics", "--to-earliest", "--execute")
        described = self.tidelog_json("group", "describe", "g")[0]
        self.assertEqual((described["state"], described["lag"]), ("Empty", 3))
        self.tidelog("group", "describe", "nobody", expect=4)
        self.assertEqual([row["group"] for row in self.tidelog_json("group", "list")], ["g"])
        # Old brokers cannot filter, and are not asked for what they would pass over.
        self.tidelog("group", "list", "--state", "Empty", expect=1)
        self.tidelog("group", "delete", "g")
        self.assertEqual(self.tidelog_json("group", "list"), [])
        for api in OLD.keys() - {HEARTBEAT}:
            self.assertEqual(self.proxy.seen[api], {OLD[api]}, api)

    def test_whoever_is_told_that_groups_are_loading_asks_again(self):
        for api in (FIND_COORDINATOR, JOIN, SYNC, OFFSET_FETCH, OFFSET_COMMIT, LIST_GROUPS):
            self.proxy.refusals[api] = [NOT_AVAILABLE] if api == FIND_COORDINATOR else [LOADING, NOT_COORDINATOR]
        self.assertEqual(sorted(self.tidelog("consume", "orders", "--group", "g").stdout.split()), [b"a", b"b", b"c"])
        self.assertEqual(self.committed("g"), {0: 2, 1: 1})
        self.assertEqual([row["group"] for row in self.tidelog_json("group", "list")], ["g"])
        self.assertEqual({api for api, left in self.proxy.refusals.items() if left}, set())

    def test_a_member_stays_one_while_groups_are_loading(self):
        records = self.path("records")
        with open(records, "wb") as file:
            member = subprocess.Popen([os.path.join(PROGRAMS, "tidelog"), "-b", self.daemon.address, "consume", "orders",
                                       "--group", "g", "--follow"], stdout=file, stderr=subprocess.PIPE)
        self.addCleanup(member.stderr.close)
        self.addCleanup(member.kill)

        def read(count):
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until and member.poll() is None:
                with open(records, "rb") as file:
                    if len(file.read().split()) == count:
                        return
                time.sleep(0.02)
            self.fail(f"not {count} records; {member.poll()}")

        read(3)
        self.proxy.refusals[HEARTBEAT] = [LOADING, NOT_COORDINATOR]
        self.proxy.refusals[OFFSET_COMMIT] = [LOADING, NOT_COORDINATOR]
        self.tidelog("produce", "orders", "--partition", "1", stdin=b"d\n")
        read(4)
        until = time.monotonic() + PATIENCE
        while any(self.proxy.refusals.values()) and time.monotonic() < until:
            time.sleep(0.02)
        self.tidelog("produce", "orders", "--partition", "1", stdin=b"e\n")
        read(5)
        member.terminate()
        member.wait(PATIENCE)
        self.assertEqual(self.committed("g"), {0: 2, 1: 3})


if __name__ == "__main__":
    harness.main()
