#include "config_rows.hpp"

namespace tidelog::metadata::rows {
namespace {

constexpr std::string_view woken =
    "Who waits for a transaction to end is woken by its end, so nothing is tried again in between.";
constexpr std::string_view no_two_phase_commit =
    "Transactions that an outside coordinator decides on (KIP-939) are not part of this version.";

constexpr config_key table[] = {
    int32("add.partitions.to.txn.retry.backoff.max.ms", "100")
        .from(0)
        .says(
            "How long records of a producer's next transaction wait for its last one to end before they are "
            "refused with a retriable error."),
    int32("add.partitions.to.txn.retry.backoff.ms", "20").no_meaning(woken).says(woken),
    int32("transaction.abort.timed.out.transaction.cleanup.interval.ms", "10000")
        .from(1)
        .says("How often transactions are looked for that are open for longer than their producer's timeout, "
              "to be aborted."),
    int32("transaction.max.timeout.ms", "900000")
        .from(1)
        .says("The longest transaction timeout that a producer may ask for."),
    boolean("transaction.partition.verification.enable", "true")
        .cluster_wide()
        .says("Whether transactional records are refused that belong to no open transaction; without it a "
              "record that comes late can block consumers that read only what is committed."),
    int32("transaction.remove.expired.transaction.cleanup.interval.ms", "3600000")
        .from(1)
        .says("How often transactional ids are looked for that have expired."),
    int32("transaction.state.log.load.buffer.size", "5242880")
        .from(1)
        .says("How much of a partition of __transaction_state is read at a time when it is loaded."),
    int32("transaction.state.log.min.isr", "2")
        .from(1)
        .no_effect()
        .says("Replicas of __transaction_state that must have a record; there is one, and it has it."),
    int32("transaction.state.log.num.partitions", "50")
        .from(1)
        .says("Partitions of __transaction_state when it is made."),
    int16("transaction.state.log.replication.factor", "3")
        .from(1)
        .no_effect()
        .says("Replicas of __transaction_state; whatever is asked for, there is one."),
    int32("transaction.state.log.segment.bytes", "104857600")
        .from(1'048'576)
        .says("The segment.bytes of __transaction_state when it is made."),
    boolean("transaction.two.phase.commit.enable", "false")
        .refused(no_two_phase_commit)
        .says(no_two_phase_commit),
    int32("transactional.id.expiration.ms", "604800000")
        .from(1)
        .says("How long a transactional id without an open transaction is remembered after its last use."),
};

}  // namespace

std::span<const config_key> broker_keys_of_transactions() {
  return table;
}

}  // namespace tidelog::metadata::rows
