#include "tidelog/protocol/incremental_alter_configs.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::incremental_alter_configs_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::incremental_alter_configs_response);
