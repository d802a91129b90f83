#include "tidelog/protocol/alter_partition_reassignments.hpp"

#include "tidelog/codec/message_instances.hpp"

TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::alter_partition_reassignments_request);
TIDELOG_INSTANTIATE_MESSAGE(tidelog::protocol::alter_partition_reassignments_response);
