#include "tidelog/protocol/add_partitions_to_txn.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::add_partitions_to_txn_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::add_partitions_to_txn_response);
