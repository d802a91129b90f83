#include "tidelog/protocol/produce.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::produce_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::produce_response);
