#include "tidelog/protocol/init_producer_id.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::init_producer_id_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::init_producer_id_response);
