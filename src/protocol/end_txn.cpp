#include "tidelog/protocol/end_txn.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::end_txn_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::end_txn_response);
