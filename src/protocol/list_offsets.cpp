#include "tidelog/protocol/list_offsets.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::list_offsets_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::list_offsets_response);
