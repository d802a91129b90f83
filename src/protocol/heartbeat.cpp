#include "tidelog/protocol/heartbeat.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::heartbeat_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::heartbeat_response);
