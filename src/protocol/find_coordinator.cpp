#include "tidelog/protocol/find_coordinator.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::find_coordinator_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::find_coordinator_response);
