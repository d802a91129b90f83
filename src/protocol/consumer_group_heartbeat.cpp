#include "tidelog/protocol/consumer_group_heartbeat.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::consumer_group_heartbeat_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::consumer_group_heartbeat_response);
