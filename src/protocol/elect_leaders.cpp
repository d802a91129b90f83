#include "tidelog/protocol/elect_leaders.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::elect_leaders_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::elect_leaders_response);
