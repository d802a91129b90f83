#include "tidelog/protocol/api_versions.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::api_versions_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::api_versions_response);
