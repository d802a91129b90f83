#include "tidelog/protocol/consumer_group_describe.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::consumer_group_describe_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::consumer_group_describe_response);
