#include "tidelog/protocol/list_config_resources.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::list_config_resources_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::list_config_resources_response);
