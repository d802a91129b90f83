#include "tidelog/protocol/describe_quorum.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_quorum_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_quorum_response);
