#include "tidelog/protocol/txn_offset_commit.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::txn_offset_commit_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::txn_offset_commit_response);
