#include "tidelog/protocol/describe_topic_partitions.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_topic_partitions_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::describe_topic_partitions_response);
