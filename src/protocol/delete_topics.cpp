#include "tidelog/protocol/delete_topics.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::delete_topics_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::delete_topics_response);
