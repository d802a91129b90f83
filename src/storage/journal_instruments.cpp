#include "journal_instruments.hpp"

namespace tidelog::storage {
journal_instruments::journal_instruments(metrics::registry& in)
    : groups(in.make_counter("tidelog_journal_groups", "Groups that the commit journal has synced.")),
      batches(in.make_counter("tidelog_journal_batches", "Batches in these groups.")),
      bytes(in.make_counter("tidelog_journal_bytes", "Bytes of these groups, in whole blocks.")),
      batches_not_taken(in.make_counter(
          "tidelog_journal_batches_not_taken",
          "Durable batches that were small enough but had to sync their segments: the journal was full, not "
          "yet in use, or had failed.")),
      rounds(in.make_counter("tidelog_journal_rounds", "Rounds of segment syncs that made room.")),
      whole_syncs(in.make_counter("tidelog_journal_whole_syncs",
                                  "Rounds whose logs one sync of the whole file system has put on disk.")),
      failures(in.make_counter("tidelog_journal_failures", "Writes and syncs of the journal that failed.")),
      batches_replayed(in.make_counter("tidelog_journal_batches_replayed",
                                       "Batches that logs got back from the journal after a crash.")),
      used_bytes(in.make_gauge("tidelog_journal_used_bytes",
                               "Bytes of the journal that may not be written over yet.")),
      ring_bytes(in.make_gauge("tidelog_journal_ring_bytes", "Bytes that the journal's ring has.")),
      sync(in.make_histogram("tidelog_journal_sync_seconds", "The time to write and sync a group.",
                             metrics::exponential_bounds(16, 2'000'000, 2),
                             metrics::microseconds_as_seconds)) {}

}  // namespace tidelog::storage
