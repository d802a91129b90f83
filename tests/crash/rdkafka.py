"""As much of librdkafka, the C client, as load, offset commits and plain reading need; it comes with kcat."""

import ctypes
import threading
import time

ACKNOWLEDGED = 0
FATAL = -150
END_OF_PARTITION = -191
DAMAGED_BATCH = -199
_COPY = 2
_PRODUCER, _CONSUMER = 0, 1

_c = ctypes.CDLL("librdkafka.so.1")


class _Message(ctypes.Structure):
    _fields_ = [("err", ctypes.c_int), ("topic", ctypes.c_void_p), ("partition", ctypes.c_int32),
                ("payload", ctypes.c_void_p), ("length", ctypes.c_size_t), ("key", ctypes.c_void_p),
                ("key_length", ctypes.c_size_t), ("offset", ctypes.c_int64), ("mine", ctypes.c_void_p)]


class _Place(ctypes.Structure):
    _fields_ = [("topic", ctypes.c_char_p), ("partition", ctypes.c_int32), ("offset", ctypes.c_int64),
                ("metadata", ctypes.c_void_p), ("metadata_size", ctypes.c_size_t), ("opaque", ctypes.c_void_p),
                ("err", ctypes.c_int), ("private", ctypes.c_void_p)]


class _Places(ctypes.Structure):
    _fields_ = [("count", ctypes.c_int), ("size", ctypes.c_int), ("elements", ctypes.POINTER(_Place))]


_DELIVERY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(_Message), ctypes.c_void_p)
_ERROR = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)

for name, result, arguments in (
        ("rd_kafka_conf_new", ctypes.c_void_p, []),
        ("rd_kafka_conf_set", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]),
        ("rd_kafka_conf_set_dr_msg_cb", None, [ctypes.c_void_p, _DELIVERY]),
        ("rd_kafka_conf_set_error_cb", None, [ctypes.c_void_p, _ERROR]),
        ("rd_kafka_conf_set_log_cb", None, [ctypes.c_void_p, ctypes.c_void_p]),
        ("rd_kafka_new", ctypes.c_void_p, [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
        ("rd_kafka_topic_new", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]),
        ("rd_kafka_produce", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t,
                                            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p]),
        ("rd_kafka_poll", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]),
        ("rd_kafka_outq_len", ctypes.c_int, [ctypes.c_void_p]),
        ("rd_kafka_fatal_error", ctypes.c_int, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
        ("rd_kafka_err2str", ctypes.c_char_p, [ctypes.c_int]),
        ("rd_kafka_topic_partition_list_new", ctypes.POINTER(_Places), [ctypes.c_int]),
        ("rd_kafka_topic_partition_list_add", ctypes.POINTER(_Place), [ctypes.POINTER(_Places), ctypes.c_char_p, ctypes.c_int32]),
        ("rd_kafka_topic_partition_list_destroy", None, [ctypes.POINTER(_Places)]),
        ("rd_kafka_commit", ctypes.c_int, [ctypes.c_void_p, ctypes.POINTER(_Places), ctypes.c_int]),
        ("rd_kafka_committed", ctypes.c_int, [ctypes.c_void_p, ctypes.POINTER(_Places), ctypes.c_int]),
        ("rd_kafka_consume_start", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64]),
        ("rd_kafka_consume", ctypes.POINTER(_Message), [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int]),
        ("rd_kafka_consume_stop", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32]),
        ("rd_kafka_queue_new", ctypes.c_void_p, [ctypes.c_void_p]),
        ("rd_kafka_queue_destroy", None, [ctypes.c_void_p]),
        ("rd_kafka_consume_start_queue", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_void_p]),
        ("rd_kafka_consume_queue", ctypes.POINTER(_Message), [ctypes.c_void_p, ctypes.c_int]),
        ("rd_kafka_message_destroy", None, [ctypes.POINTER(_Message)]),
        ("rd_kafka_topic_destroy", None, [ctypes.c_void_p]),
        ("rd_kafka_topic_name", ctypes.c_char_p, [ctypes.c_void_p]),
        ("rd_kafka_subscribe", ctypes.c_int, [ctypes.c_void_p, ctypes.POINTER(_Places)]),
        ("rd_kafka_poll_set_consumer", ctypes.c_int, [ctypes.c_void_p]),
        ("rd_kafka_consumer_poll", ctypes.POINTER(_Message), [ctypes.c_void_p, ctypes.c_int]),
        ("rd_kafka_consumer_close", ctypes.c_int, [ctypes.c_void_p]),
        ("rd_kafka_consumer_group_metadata", ctypes.c_void_p, [ctypes.c_void_p]),
        ("rd_kafka_consumer_group_metadata_new", ctypes.c_void_p, [ctypes.c_char_p]),
        ("rd_kafka_consumer_group_metadata_destroy", None, [ctypes.c_void_p]),
        ("rd_kafka_init_transactions", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
        ("rd_kafka_begin_transaction", ctypes.c_void_p, [ctypes.c_void_p]),
        ("rd_kafka_commit_transaction", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
        ("rd_kafka_abort_transaction", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_int]),
        ("rd_kafka_send_offsets_to_transaction", ctypes.c_void_p, [ctypes.c_void_p, ctypes.POINTER(_Places), ctypes.c_void_p,
                                                                   ctypes.c_int]),
        ("rd_kafka_error_code", ctypes.c_int, [ctypes.c_void_p]),
        ("rd_kafka_error_string", ctypes.c_char_p, [ctypes.c_void_p]),
        ("rd_kafka_error_is_retriable", ctypes.c_int, [ctypes.c_void_p]),
        ("rd_kafka_error_destroy", None, [ctypes.c_void_p]),
        ("rd_kafka_destroy", None, [ctypes.c_void_p])):
    function = getattr(_c, name)
    function.restype = result
    function.argtypes = arguments


def error_text(error):
    return _c.rd_kafka_err2str(error).decode()


class _Client:
    def __init__(self, kind, settings):
        text = ctypes.create_string_buffer(512)
        configuration = _c.rd_kafka_conf_new()
        # Brokers that come and go are what this is for.
        _c.rd_kafka_conf_set_log_cb(configuration, None)
        self._callbacks(configuration)
        for name, value in settings.items():
            if _c.rd_kafka_conf_set(configuration, name.encode(), str(value).encode(), text, len(text)) != 0:
                raise ValueError(text.value.decode())
        self.handle = _c.rd_kafka_new(kind, configuration, text, len(text))
        if not self.handle:
            raise RuntimeError(text.value.decode())

    def _callbacks(self, configuration):
        pass

    def fatal(self):
        """The error that has ended this client, or None."""
        text = ctypes.create_string_buffer(512)
        error = _c.rd_kafka_fatal_error(self.handle, text, len(text))
        return f"{error_text(error)}: {text.value.decode()}" if error else None

    def close(self):
        """At once: what was not sent yet is forgotten, and an open transaction stays open."""
        _c.rd_kafka_destroy(self.handle)


class Producer(_Client):
    """`told(mine, error, offset)` is called for each record, from poll()."""

    def __init__(self, address, told, **settings):
        self._told = told
        self._topics = {}
        self._sent = {}
        self._next = 1
        self._lock = threading.Lock()
        super().__init__(_PRODUCER, {"bootstrap.servers": address, "acks": "all", "linger.ms": 2, "message.timeout.ms": 0,
                                     "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 50, "retry.backoff.ms": 20,
                                     "topic.metadata.refresh.fast.interval.ms": 20,
                                     **{name.replace("_", "."): value for name, value in settings.items()}})

    def _callbacks(self, configuration):
        def told(_, message, __):
            number = message.contents.mine
            self._told(self._sent.pop(number), message.contents.err, message.contents.offset)
        self._delivery = _DELIVERY(told)
        _c.rd_kafka_conf_set_dr_msg_cb(configuration, self._delivery)
        self._error = _ERROR(lambda *_: None)
        _c.rd_kafka_conf_set_error_cb(configuration, self._error)

    def send(self, topic, partition, value, mine, key=None):
        """False when the queue is full."""
        handle = self._topics.get(topic)
        if not handle:
            handle = self._topics[topic] = _c.rd_kafka_topic_new(self.handle, topic.encode(), None)
        number, self._next = self._next, self._next + 1
        self._sent[number] = mine
        if _c.rd_kafka_produce(handle, partition, _COPY, value, len(value), key, len(key or b""), number) == 0:
            return True
        del self._sent[number]
        return False

    def poll(self, milliseconds):
        return _c.rd_kafka_poll(self.handle, milliseconds)

    def waiting(self):
        return _c.rd_kafka_outq_len(self.handle)


class TransactionFailed(RuntimeError):
    """What librdkafka says of a transaction."""

    def __init__(self, call, error):
        self.code = _c.rd_kafka_error_code(error)
        self.is_retriable = bool(_c.rd_kafka_error_is_retriable(error))
        self.text = f"{call}: {error_text(self.code)}"
        super().__init__(f"{self.text}: {_c.rd_kafka_error_string(error).decode()}")
        _c.rd_kafka_error_destroy(error)


def _check(call, error):
    if error:
        raise TransactionFailed(call, error)


class TransactionalProducer(Producer):
    """One that is killed and starts again is another one with the same transactional id. Calls raise TransactionFailed."""

    def __init__(self, address, transactional_id, timeout=60, **settings):
        super().__init__(address, lambda *_: None, transactional_id=transactional_id, transaction_timeout_ms=timeout * 1000,
                         message_timeout_ms=timeout * 1000, **settings)

    def initialize(self, seconds):
        """Ends what an earlier producer of the id has left open."""
        self._call_until_told("init_transactions", _c.rd_kafka_init_transactions, seconds)

    def begin(self):
        _check("begin_transaction", _c.rd_kafka_begin_transaction(self.handle))

    def commit(self, seconds):
        self._call_until_told("commit_transaction", _c.rd_kafka_commit_transaction, seconds)

    def abort(self, seconds):
        self._call_until_told("abort_transaction", _c.rd_kafka_abort_transaction, seconds)

    def send_offsets(self, offsets, seconds, member=None, group=None):
        """`offsets`: (topic, partition) -> offset, for a `member` of a group or for a group by its name."""
        places = _places(offsets)
        metadata = member.metadata() if member else _c.rd_kafka_consumer_group_metadata_new(group.encode())
        try:
            self._call_until_told("send_offsets_to_transaction", lambda handle, milliseconds:
                                  _c.rd_kafka_send_offsets_to_transaction(handle, places, metadata, milliseconds), seconds)
        finally:
            _c.rd_kafka_consumer_group_metadata_destroy(metadata)
            _c.rd_kafka_topic_partition_list_destroy(places)

    def _call_until_told(self, name, function, seconds):
        give_up = time.monotonic() + seconds
        while True:
            try:
                return _check(name, function(self.handle, max(1, int((give_up - time.monotonic()) * 1000))))
            except TransactionFailed as failure:
                if not failure.is_retriable or time.monotonic() > give_up:
                    raise
                # One that is told at once is not worth another call at once.
                self.poll(10)


def _places(offsets):
    places = _c.rd_kafka_topic_partition_list_new(len(offsets))
    for (topic, partition), offset in offsets.items():
        _c.rd_kafka_topic_partition_list_add(places, topic.encode(), partition).contents.offset = offset
    return places


class Member(_Client):
    """Reads what is committed as a member of a group, and commits nothing of itself."""

    def __init__(self, address, group, topic):
        super().__init__(_CONSUMER, {"bootstrap.servers": address, "group.id": group, "enable.auto.commit": "false",
                                     "auto.offset.reset": "earliest", "fetch.wait.max.ms": 5})
        _c.rd_kafka_poll_set_consumer(self.handle)
        topics = _places({(topic, -1): 0})
        _c.rd_kafka_subscribe(self.handle, topics)
        _c.rd_kafka_topic_partition_list_destroy(topics)

    def metadata(self):
        """Whoever asks destroys it."""
        return _c.rd_kafka_consumer_group_metadata(self.handle)

    def poll(self, milliseconds):
        """(topic, partition, offset, value) of the next record; None where none came."""
        message = _c.rd_kafka_consumer_poll(self.handle, milliseconds)
        if not message:
            return None
        got = message.contents
        try:
            if got.err:
                return None
            return (_c.rd_kafka_topic_name(got.topic).decode(), got.partition, got.offset,
                    ctypes.string_at(got.payload, got.length))
        finally:
            _c.rd_kafka_message_destroy(message)

    def close(self):
        _c.rd_kafka_consumer_close(self.handle)
        super().close()


class Group(_Client):
    """Commits offsets for a group that it is no member of."""

    def __init__(self, address, name):
        super().__init__(_CONSUMER, {"bootstrap.servers": address, "group.id": name, "reconnect.backoff.ms": 10,
                                     "reconnect.backoff.max.ms": 50})

    def commit(self, topic, partition, offset):
        """An error number; 0 when the broker has it."""
        places = _c.rd_kafka_topic_partition_list_new(1)
        place = _c.rd_kafka_topic_partition_list_add(places, topic.encode(), partition)
        place.contents.offset = offset
        error = _c.rd_kafka_commit(self.handle, places, 0) or place.contents.err
        _c.rd_kafka_topic_partition_list_destroy(places)
        return error

    def committed(self, topic, partition, milliseconds):
        """The offset that the broker tells, -1001 where it has none; raises where it does not answer."""
        places = _c.rd_kafka_topic_partition_list_new(1)
        place = _c.rd_kafka_topic_partition_list_add(places, topic.encode(), partition)
        error = _c.rd_kafka_committed(self.handle, places, milliseconds) or place.contents.err
        offset = place.contents.offset
        _c.rd_kafka_topic_partition_list_destroy(places)
        if error:
            raise RuntimeError(f"committed offsets: {error_text(error)}")
        return offset


class Waits(RuntimeError):
    """A reader gets neither a record, nor an error, nor an end."""

    def __init__(self, topic, partition, records):
        self.records = records
        last = f", the last with offset {records[-1][0]}" if records else ""
        super().__init__(f"{topic}-{partition}: no end is reached, nor an error; {len(records)} records came{last}")


class Reader(_Client):
    """Reads partitions from an offset to their end, checking each batch's checksum or not (the Java client does, unless it is
    told otherwise, and librdkafka does not)."""

    def __init__(self, address, checks_checksums, isolation="read_committed"):
        # Where the last read() met the end of its partition.
        self.end = None
        super().__init__(_CONSUMER, {"bootstrap.servers": address, "check.crcs": str(checks_checksums).lower(),
                                     "isolation.level": isolation,
                                     "enable.partition.eof": "true", "fetch.wait.max.ms": 5, "fetch.error.backoff.ms": 10,
                                     "topic.metadata.refresh.fast.interval.ms": 20, "reconnect.backoff.ms": 10,
                                     "reconnect.backoff.max.ms": 50})

    def read(self, topic, partition, begin, seconds):
        """What was got ((offset, value) of each), and the error that ended it: 0 at the partition's end."""
        handle = _c.rd_kafka_topic_new(self.handle, topic.encode(), None)
        _c.rd_kafka_consume_start(handle, partition, begin)
        records, error = [], 0
        give_up = time.monotonic() + seconds
        while not error:
            message = _c.rd_kafka_consume(handle, partition, 100)
            if message:
                got = message.contents
                error = got.err
                self.end = got.offset if error == END_OF_PARTITION else None
                if not error:
                    give_up = time.monotonic() + seconds
                    records.append((got.offset, ctypes.string_at(got.payload, got.length) if got.length else b""))
                _c.rd_kafka_message_destroy(message)
            elif time.monotonic() > give_up:
                raise Waits(topic, partition, records)
        _c.rd_kafka_consume_stop(handle, partition)
        _c.rd_kafka_topic_destroy(handle)
        return records, 0 if error == END_OF_PARTITION else error

    def read_all(self, topic, partitions, seconds):
        """Of each partition of 0 to `partitions`: (offset, value) of its records, to its end. All at once, since they may be
        thousands."""
        handle = _c.rd_kafka_topic_new(self.handle, topic.encode(), None)
        queue = _c.rd_kafka_queue_new(self.handle)
        for partition in range(partitions):
            _c.rd_kafka_consume_start_queue(handle, partition, 0, queue)
        records = [[] for _ in range(partitions)]
        unread = set(range(partitions))
        give_up = time.monotonic() + seconds
        while unread:
            message = _c.rd_kafka_consume_queue(queue, 100)
            if message:
                give_up = time.monotonic() + seconds
                got = message.contents
                if not got.err:
                    records[got.partition].append((got.offset, ctypes.string_at(got.payload, got.length) if got.length else b""))
                elif got.err == END_OF_PARTITION:
                    unread.discard(got.partition)
                else:
                    raise RuntimeError(f"{topic}-{got.partition}: {error_text(got.err)}")
                _c.rd_kafka_message_destroy(message)
            elif time.monotonic() > give_up:
                raise Waits(topic, min(unread), records[min(unread)])
        for partition in range(partitions):
            _c.rd_kafka_consume_stop(handle, partition)
        _c.rd_kafka_queue_destroy(queue)
        _c.rd_kafka_topic_destroy(handle)
        return records
