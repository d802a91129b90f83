#include "tidelog/protocol/describe_groups.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_groups_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_groups_response);
