#include "tidelog/protocol/sync_group.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::sync_group_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::sync_group_response);
