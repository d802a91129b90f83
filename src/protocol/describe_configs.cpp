#include "tidelog/protocol/describe_configs.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_configs_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_configs_response);
