#include "tidelog/protocol/describe_producers.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_producers_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_producers_response);
