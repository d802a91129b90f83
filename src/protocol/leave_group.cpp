#include "tidelog/protocol/leave_group.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::leave_group_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::leave_group_response);
