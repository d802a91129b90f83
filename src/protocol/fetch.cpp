#include "tidelog/protocol/fetch.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::fetch_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::fetch_response);
