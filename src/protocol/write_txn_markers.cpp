#include "tidelog/protocol/write_txn_markers.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::write_txn_markers_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::write_txn_markers_response);
