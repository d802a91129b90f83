#include "tidelog/protocol/create_topics.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::create_topics_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::create_topics_response);
