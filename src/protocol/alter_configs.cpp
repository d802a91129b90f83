#include "tidelog/protocol/alter_configs.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::alter_configs_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::alter_configs_response);
