#include "tidelog/protocol/create_partitions.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::create_partitions_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::create_partitions_response);
