#include "tidelog/protocol/offset_for_leader_epoch.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::offset_for_leader_epoch_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::offset_for_leader_epoch_response);
