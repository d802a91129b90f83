#include "tidelog/protocol/join_group.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::join_group_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::join_group_response);
