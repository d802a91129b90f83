#include "tidelog/protocol/delete_groups.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::delete_groups_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::delete_groups_response);
