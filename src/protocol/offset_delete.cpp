#include "tidelog/protocol/offset_delete.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::offset_delete_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::offset_delete_response);
