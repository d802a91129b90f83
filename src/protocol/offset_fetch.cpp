#include "tidelog/protocol/offset_fetch.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::offset_fetch_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::offset_fetch_response);
