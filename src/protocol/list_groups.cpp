#include "tidelog/protocol/list_groups.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::list_groups_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::list_groups_response);
